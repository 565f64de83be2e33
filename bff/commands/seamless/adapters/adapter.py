"""Translates one protocol of game providers to the engine's types and back.

Public: `Adapter`, `Operation`, `SignedRequest`, `ParsedRequest`.

An adapter has the protocol's names, its signature and its unit to itself: behind it every amount is minor units
(`amount_minor`), and what leaves through it is the protocol's unit again, so that no unit can be mistaken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from bff.commands.seamless.requests import TransactionRequest
from bff.contracts.seamless import BalanceRequest, WalletAnswer

Operation = Literal["balance", "bet", "win", "prize", "rollback"]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it came: `path` as the provider signed it."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """The parsed request. `user` is the player that the provider names, where its protocol has one beside the token."""

    operation: Operation
    request: BalanceRequest | TransactionRequest
    user: str = ""


class Adapter(Protocol):
    """One protocol."""

    def verify(self, received: SignedRequest, key: str, *, now: float) -> None:
        """Raises `SignatureRefused`. `now` is Unix seconds."""

    def read(self, operation: str, body: bytes) -> ParsedRequest:
        """Parse the request; raises `Denied`, also for an amount that is no whole minor unit."""

    def write(self, answer: WalletAnswer) -> bytes:
        """The answer's body."""
