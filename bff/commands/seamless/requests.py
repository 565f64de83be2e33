"""A game provider's request: who asks, what came under its names before, and whether it is the same again.

Public: `Call`, `Denied`, `Named`, `Order`, `open_book`, `remember`, `denial`, `named`, `known`, `referred`,
`same_game`.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from bff.commands.engine import statements
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import GameTransaction, ProviderRequest
from bff.contracts.player_context import PlayerContext
from bff.contracts.seamless import (
    BalanceRequest,
    BetRequest,
    PrizeRequest,
    RollbackRequest,
    Status,
    WalletAnswer,
    WinRequest,
)

Order = BetRequest | WinRequest | PrizeRequest | RollbackRequest


class Denied(Exception):
    """The business says no, and nothing was moved. `status` says why."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks: the provider, and the player its token was issued for.

    `fingerprint` says what was asked, of whom and for whom, whatever token it came with. `refusal` is why the token
    opens nothing any more (None: it does); what is owed, and what was answered before, does not ask.
    """

    provider: str
    player: PlayerContext
    fingerprint: str
    refusal: Status | None = None

    @classmethod
    def of(
        cls,
        provider: str,
        player: PlayerContext,
        path: str,
        request: BalanceRequest | Order,
        refusal: Status | None = None,
    ) -> "Call":
        body = msgspec.json.encode(msgspec.structs.replace(request, token=""), order="sorted")
        asked = b"\n".join((path.encode(), player.player.encode(), body))
        return cls(provider, player, hashlib.sha256(asked).hexdigest(), refusal)


def open_book(
    call: Call, request: BalanceRequest | Order, now: datetime
) -> tuple[PlayerAccounts, ProviderRequest | None]:
    """The player's accounts, and this very request where it was denied before.

    Raises `Denied` where another request came under this `request_uuid`.
    """
    accounts = PlayerAccounts.open(call.player.player, call.player.currency, now)
    name: dict[str, Any] = {"provider": call.provider, "request_uuid": request.request_uuid}
    if statements.insert_new(
        ProviderRequest, **name, fingerprint=call.fingerprint, status="", balance_minor=None, at=now
    ):
        return accounts, None
    [seen] = statements.find(ProviderRequest, **name)
    if seen.fingerprint != call.fingerprint:
        raise Denied(Status.DUPLICATE_TRANSACTION)
    return accounts, seen if seen.status else None


def remember(call: Call, accounts: PlayerAccounts, request: BetRequest, denied: Status) -> WalletAnswer:
    """Keep the denial, so that the same request again, however it is signed, takes no stake; the answer.

    For its provider the bet is off; whoever repeats it, perhaps after a deposit, must hear the same.
    """
    asked = ProviderRequest.objects.filter(provider=call.provider, request_uuid=request.request_uuid)
    asked.update(status=denied.value, balance_minor=accounts.stakeable)
    return denial(accounts, request, denied, accounts.stakeable)


def denial(accounts: PlayerAccounts, request: BetRequest, denied: Status, balance_minor: int | None) -> WalletAnswer:
    """A denial on the wire, with what the player could stake when it was decided."""
    return WalletAnswer(
        denied, request.request_uuid, accounts.player.player_id, accounts.player.currency, balance_minor
    )


@dataclass(frozen=True, slots=True)
class Named:
    """What came under a transaction's name: the transaction `before`, and whether a rollback has `forbidden` it."""

    before: GameTransaction | None
    forbidden: bool


def named(call: Call, transaction_uuid: str) -> Named:
    """What the provider has said of a transaction."""
    found = statements.find_any(
        GameTransaction,
        {"provider": call.provider, "transaction_uuid": transaction_uuid},
        {"provider": call.provider, "reference_uuid": transaction_uuid, "kind": "rollback"},
    )
    before = [each for each in found if each.transaction_uuid == transaction_uuid]
    forbidden = any(each.kind == "rollback" and each.reference_uuid == transaction_uuid for each in found)
    return Named(before[0] if before else None, forbidden)


def known(name: Named, accounts: PlayerAccounts, request: Order, kind: str, amount_minor: int | None) -> bool:
    """Whether this very transaction has been taken; raises `Denied` for another one under the same `name`."""
    before = name.before
    if before is None:
        return False
    same = (before.kind, before.player_id) == (kind, accounts.player.player_id) and same_game(before, request)
    reference = getattr(request, "reference_transaction_uuid", "")
    said = (before.reference_uuid, before.prize) == (reference, getattr(request, "kind", ""))
    if not same or not said or amount_minor not in (None, before.amount_minor):
        raise Denied(Status.DUPLICATE_TRANSACTION)
    if before.rolled_back:
        raise Denied(Status.TRANSACTION_ROLLED_BACK)
    return True


def referred(call: Call, accounts: PlayerAccounts, transaction_uuid: str) -> GameTransaction | None:
    """What a win or a rollback refers to; raises `Denied` where it is another player's."""
    found = statements.find(GameTransaction, provider=call.provider, transaction_uuid=transaction_uuid)
    if found and found[0].player_id != accounts.player.player_id:
        raise Denied(Status.INVALID_TOKEN)
    return found[0] if found else None


def same_game(before: GameTransaction, request: Order) -> bool:
    """Whether both belong to one round of one game."""
    return (before.game_code, before.round) == (request.game_code, request.round)
