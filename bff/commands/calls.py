"""A game provider's request: who asks, what came under its names before, and whether it is the same again.

Public: `Call`, `Denied`, `Named`, `open_book`, `remember`, `named`, `known`, `referred`, `same_game`.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import msgspec

from bff.commands import rows
from bff.commands.books import Book
from bff.commands.models import GameTransaction, ProviderRequest
from bff.contracts.player_context import PlayerContext
from bff.contracts.seamless import BalanceRequest, BetRequest, RollbackRequest, Status, WinRequest


class Denied(Exception):
    """The business says no, and nothing was moved. `status` says why."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks: the provider, and the player its token was issued for. `fingerprint` says what was asked."""

    provider: str
    player: PlayerContext
    fingerprint: str

    @classmethod
    def of(cls, provider: str, player: PlayerContext, path: str, request: msgspec.Struct) -> "Call":
        asked = path.encode() + b"\n" + msgspec.json.encode(request, order="sorted")
        return cls(provider, player, hashlib.sha256(asked).hexdigest())


def open_book(
    call: Call, request: BalanceRequest | BetRequest | WinRequest | RollbackRequest, now: datetime
) -> tuple[Book, Status | None]:
    """The player's book, and why this very request was denied before, if it was.

    Raises `Denied` where another request came under this `request_uuid`.
    """
    book = Book.open(call.player.player, call.player.currency, now)
    name = {"provider": call.provider, "request_uuid": request.request_uuid}
    if rows.insert_new(ProviderRequest, **name, fingerprint=call.fingerprint, status="", at=now):
        return book, None
    [seen] = rows.find(ProviderRequest, **name)
    if seen.fingerprint != call.fingerprint:
        raise Denied(Status.DUPLICATE_TRANSACTION)
    return book, Status(seen.status) if seen.status else None


def remember(call: Call, request: BetRequest, denied: Status) -> None:
    """Keep the denial, so that the same request again, while its signature holds, takes no stake.

    For its provider the bet is off; whoever repeats it, perhaps after a deposit, must hear the same.
    """
    asked = ProviderRequest.objects.filter(provider=call.provider, request_uuid=request.request_uuid)
    asked.update(status=denied.value)


@dataclass(frozen=True, slots=True)
class Named:
    """What came under a transaction's name: the transaction `before`, and whether a rollback has `forbidden` it."""

    before: GameTransaction | None
    forbidden: bool


def named(call: Call, transaction_uuid: str) -> Named:
    """What the provider has said of a transaction."""
    found = rows.find_any(
        GameTransaction,
        {"provider": call.provider, "transaction_uuid": transaction_uuid},
        {"provider": call.provider, "reference_uuid": transaction_uuid, "kind": "rollback"},
    )
    before = [each for each in found if each.transaction_uuid == transaction_uuid]
    forbidden = any(each.kind == "rollback" and each.reference_uuid == transaction_uuid for each in found)
    return Named(before[0] if before else None, forbidden)


def known(
    name: Named, book: Book, request: BetRequest | WinRequest | RollbackRequest, kind: str, amount: int | None
) -> bool:
    """Whether this very transaction has been taken; raises `Denied` for another one under the same `name`."""
    before = name.before
    if before is None:
        return False
    same = (before.kind, before.player_id) == (kind, book.player.player_id) and same_game(before, request)
    reference = getattr(request, "reference_transaction_uuid", "")
    if not same or before.reference_uuid != reference or amount not in (None, before.amount_minor):
        raise Denied(Status.DUPLICATE_TRANSACTION)
    if before.rolled_back:
        raise Denied(Status.TRANSACTION_ROLLED_BACK)
    return True


def referred(call: Call, book: Book, transaction_uuid: str) -> GameTransaction | None:
    """What a win or a rollback refers to; raises `Denied` where it is another player's."""
    found = rows.find(GameTransaction, provider=call.provider, transaction_uuid=transaction_uuid)
    if found and found[0].player_id != book.player.player_id:
        raise Denied(Status.INVALID_TOKEN)
    return found[0] if found else None


def same_game(before: GameTransaction, request: BetRequest | WinRequest | RollbackRequest) -> bool:
    """Whether both belong to one round of one game."""
    return (before.game_code, before.round) == (request.game_code, request.round)
