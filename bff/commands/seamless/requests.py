"""A game provider's request: its sender, what was stored under the same ids before, and whether it is a repetition.

Public: `ProviderCall`, `Denied`, `FoundTransaction`, `TransactionRequest`, `open_request`, `store_denial`,
`denial_answer`, `find`, `already_applied`, `referenced`, `same_game`.
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

TransactionRequest = BetRequest | WinRequest | PrizeRequest | RollbackRequest


class Denied(Exception):
    """The request is denied for a business reason, and no money was moved. `status` is the reason."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """The caller: the provider, and the player that its token was issued for.

    `fingerprint` is the same exactly when path, player and body are, whatever token they came with. `refusal` is why
    the token does not allow a bet (None: it does); wins, rollbacks and repetitions need no valid token.
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
        request: BalanceRequest | TransactionRequest,
        refusal: Status | None = None,
    ) -> "ProviderCall":
        body = msgspec.json.encode(msgspec.structs.replace(request, token=""), order="sorted")
        content = b"\n".join((path.encode(), player.player.encode(), body))
        return cls(provider, player, hashlib.sha256(content).hexdigest(), refusal)


def open_request(
    call: ProviderCall, request: BalanceRequest | TransactionRequest, now: datetime
) -> tuple[PlayerAccounts, ProviderRequest | None]:
    """The player's accounts, and this very request where it was denied before.

    Raises `Denied` where another request came under this `request_uuid`.
    """
    accounts = PlayerAccounts.open(call.player.player, call.player.currency, now)
    ids: dict[str, Any] = {"provider": call.provider, "request_uuid": request.request_uuid}
    if statements.insert_new(
        ProviderRequest, **ids, fingerprint=call.fingerprint, status="", balance_minor=None, at=now
    ):
        return accounts, None
    [earlier] = statements.find(ProviderRequest, **ids)
    if earlier.fingerprint != call.fingerprint:
        raise Denied(Status.DUPLICATE_TRANSACTION)
    return accounts, earlier if earlier.status else None


def store_denial(call: ProviderCall, accounts: PlayerAccounts, request: BetRequest, denied: Status) -> WalletAnswer:
    """Store the denial, so that the same request again, however it is signed, takes no stake; the answer.

    For its provider the bet is off; whoever repeats it, perhaps after a deposit, must get the same answer.
    """
    stored = ProviderRequest.objects.filter(provider=call.provider, request_uuid=request.request_uuid)
    stored.update(status=denied.value, balance_minor=accounts.stakeable)
    return denial_answer(accounts, request, denied, accounts.stakeable)


def denial_answer(
    accounts: PlayerAccounts, request: BetRequest, denied: Status, balance_minor: int | None
) -> WalletAnswer:
    """A denial on the wire, with what the player could stake when it was decided."""
    return WalletAnswer(
        denied, request.request_uuid, accounts.player.player_id, accounts.player.currency, balance_minor
    )


@dataclass(frozen=True, slots=True)
class FoundTransaction:
    """What is stored under a transaction's id: the `applied` transaction, and whether it was `rolled_back_first`, by a
    rollback that came before it."""

    applied: GameTransaction | None
    rolled_back_first: bool


def find(call: ProviderCall, transaction_uuid: str) -> FoundTransaction:
    """What the provider has sent about a transaction."""
    found = statements.find_any(
        GameTransaction,
        {"provider": call.provider, "transaction_uuid": transaction_uuid},
        {"provider": call.provider, "reference_uuid": transaction_uuid, "kind": "rollback"},
    )
    applied = [each for each in found if each.transaction_uuid == transaction_uuid]
    rolled_back_first = any(each.kind == "rollback" and each.reference_uuid == transaction_uuid for each in found)
    return FoundTransaction(applied[0] if applied else None, rolled_back_first)


def already_applied(
    found: FoundTransaction, accounts: PlayerAccounts, request: TransactionRequest, kind: str, amount_minor: int | None
) -> bool:
    """Whether this very transaction has been applied; raises `Denied` where another one has its id."""
    applied = found.applied
    if applied is None:
        return False
    same_round = (applied.kind, applied.player_id) == (kind, accounts.player.player_id) and same_game(applied, request)
    reference = getattr(request, "reference_transaction_uuid", "")
    same_content = (applied.reference_uuid, applied.prize) == (reference, getattr(request, "kind", ""))
    if not same_round or not same_content or amount_minor not in (None, applied.amount_minor):
        raise Denied(Status.DUPLICATE_TRANSACTION)
    if applied.rolled_back:
        raise Denied(Status.TRANSACTION_ROLLED_BACK)
    return True


def referenced(call: ProviderCall, accounts: PlayerAccounts, transaction_uuid: str) -> GameTransaction | None:
    """The transaction that a win or a rollback refers to; raises `Denied` where it is another player's."""
    found = statements.find(GameTransaction, provider=call.provider, transaction_uuid=transaction_uuid)
    if found and found[0].player_id != accounts.player.player_id:
        raise Denied(Status.INVALID_TOKEN)
    return found[0] if found else None


def same_game(applied: GameTransaction, request: TransactionRequest) -> bool:
    """Whether both belong to one round of one game."""
    return (applied.game_code, applied.round) == (request.game_code, request.round)
