"""A game provider's request: who asks, what came under its names before, and whether it is the same again.

Public: `Call`, `Denied`, `open_book`, `remember`, `known`, `referred`, `same_game`, `forbidden`.
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
    seen = rows.find(ProviderRequest, **name)
    if not seen:
        rows.insert(ProviderRequest(**name, fingerprint=call.fingerprint, at=now))
        return book, None
    if seen[0].fingerprint != call.fingerprint:
        raise Denied(Status.DUPLICATE_TRANSACTION)
    return book, Status(seen[0].status) if seen[0].status else None


def remember(call: Call, request: BetRequest, denied: Status) -> None:
    """Keep the denial, so that the same request again, while its signature holds, takes no stake.

    For its provider the bet is off; whoever repeats it, perhaps after a deposit, must hear the same.
    """
    asked = ProviderRequest.objects.filter(provider=call.provider, request_uuid=request.request_uuid)
    asked.update(status=denied.value)


def known(
    call: Call, book: Book, request: BetRequest | WinRequest | RollbackRequest, kind: str, amount: int | None
) -> bool:
    """Whether this very transaction has been taken; raises `Denied` for another one under the same name."""
    before = _named(call, request.transaction_uuid)
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
    found = _named(call, transaction_uuid)
    if found is not None and found.player_id != book.player.player_id:
        raise Denied(Status.INVALID_TOKEN)
    return found


def same_game(before: GameTransaction, request: BetRequest | WinRequest | RollbackRequest) -> bool:
    """Whether both belong to one round of one game."""
    return (before.game_code, before.round) == (request.game_code, request.round)


def forbidden(call: Call, transaction_uuid: str) -> bool:
    """Whether a rollback of this transaction came before it."""
    return bool(rows.find(GameTransaction, provider=call.provider, reference_uuid=transaction_uuid, kind="rollback"))


def _named(call: Call, transaction_uuid: str) -> GameTransaction | None:
    found = rows.find(GameTransaction, provider=call.provider, transaction_uuid=transaction_uuid)
    return found[0] if found else None
