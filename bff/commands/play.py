"""Stakes and wins, as game providers ask for them: each transaction counts once, and a rollback always wins.

Public: `balance`, `place_bet`, `settle_win`, `roll_back`, `Denied`.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec
from django.db import transaction

from bff.commands import outbox, receipts, rows, wagering
from bff.commands.books import Book, NotEnough
from bff.commands.limits import excluded
from bff.commands.models import GameTransaction, ProviderRequest, Receipt
from bff.commands.policy import POLICY
from bff.commands.receipts import Asked
from bff.contracts.player_context import PlayerContext
from bff.contracts.seamless import BalanceRequest, BetRequest, RollbackRequest, Status, WalletAnswer, WinRequest

R = TypeVar("R", BalanceRequest, BetRequest, WinRequest, RollbackRequest)


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


@transaction.atomic
def balance(call: Call, request: BalanceRequest, now: datetime) -> WalletAnswer:
    """What the player can stake."""
    book = _open(call, request, now)
    return _ok(book, request.request_uuid)


@transaction.atomic
def place_bet(call: Call, bet: BetRequest, now: datetime) -> WalletAnswer:
    """Take the stake: real money first, then bonus."""
    book = _open(call, bet, now)
    if _known(call, book, bet, "bet", bet.amount):
        return _ok(book, bet.request_uuid)
    _check_money(book, bet.currency, bet.amount, least=1)
    if bet.amount > POLICY.stake_minor_max:
        raise Denied(Status.LIMIT_EXCEEDED)
    if excluded(book):
        raise Denied(Status.USER_DISABLED)
    if _forbidden(call, bet.transaction_uuid):
        raise Denied(Status.TRANSACTION_ROLLED_BACK)
    real = min(book.balance("real"), bet.amount)
    try:
        share = wagering.share_of(book, bet, bonus_minor=bet.amount - real)
    except wagering.StakeTooLarge as error:
        raise Denied(Status.LIMIT_EXCEEDED) from error
    _move(call, book, bet, "bet", "BetPlaced", -real, real - bet.amount, share=share)
    return _ok(book, bet.request_uuid)


@transaction.atomic
def settle_win(call: Call, win: WinRequest, now: datetime) -> WalletAnswer:
    """Pay what a bet brought, into the accounts the stake came from and in that proportion. 0 closes the round."""
    book = _open(call, win, now)
    if _known(call, book, win, "win", win.amount):
        return _ok(book, win.request_uuid)
    _check_money(book, win.currency, win.amount, least=0)
    bet = _referred(call, book, win.reference_transaction_uuid)
    if bet is None or bet.kind != "bet" or bet.round != win.round:
        raise Denied(Status.TRANSACTION_DOES_NOT_EXIST)
    if bet.rolled_back or _forbidden(call, win.transaction_uuid):
        raise Denied(Status.TRANSACTION_ROLLED_BACK)
    bonus = win.amount * bet.bonus_minor // (bet.real_minor + bet.bonus_minor)
    if wagering.belongs_to_real(bet):
        bonus = 0
    _move(call, book, win, "win", "BetWon", win.amount - bonus, bonus, reference=bet.transaction_uuid)
    return _ok(book, win.request_uuid)


@transaction.atomic
def roll_back(call: Call, rollback: RollbackRequest, now: datetime) -> WalletAnswer:
    """Undo a bet or a win, once. What is not known yet will be refused when it comes."""
    book = _open(call, rollback, now)
    if _known(call, book, rollback, "rollback", None):
        return _ok(book, rollback.request_uuid)
    reference = rollback.reference_transaction_uuid
    undone = _referred(call, book, reference)
    if undone is not None and undone.kind == "rollback":
        raise Denied(Status.TRANSACTION_DOES_NOT_EXIST)
    if undone is None or undone.rolled_back:
        _move(call, book, rollback, "rollback", "", 0, 0, reference=reference)
        return _ok(book, rollback.request_uuid)
    undone.rolled_back = True
    undone.save(update_fields=["rolled_back"])
    event = "BetRolledBack" if undone.kind == "bet" else "WinRolledBack"
    share, real, bonus = wagering.taken_back(undone), -undone.real_minor, -undone.bonus_minor
    if wagering.belongs_to_real(undone):
        real, bonus = real + bonus, 0
    _move(call, book, rollback, "rollback", event, real, bonus, reference=reference, share=share)
    return _ok(book, rollback.request_uuid)


def _open(call: Call, request: R, now: datetime) -> Book:
    book = Book.open(call.player.player, call.player.currency, now)
    name = {"provider": call.provider, "request_uuid": request.request_uuid}
    seen = rows.find(ProviderRequest, **name)
    if not seen:
        rows.insert(ProviderRequest(**name, fingerprint=call.fingerprint, at=now))
    elif seen[0].fingerprint != call.fingerprint:
        raise Denied(Status.DUPLICATE_TRANSACTION)
    return book


def _known(
    call: Call, book: Book, request: BetRequest | WinRequest | RollbackRequest, kind: str, amount: int | None
) -> bool:
    """Whether this very transaction has been taken; raises `Denied` for another one under the same name."""
    known = _named(call, request.transaction_uuid)
    if known is None:
        return False
    same = (known.kind, known.player_id, known.round) == (kind, book.player.player_id, request.round)
    reference = getattr(request, "reference_transaction_uuid", "")
    if not same or known.reference_uuid != reference or amount not in (None, known.amount_minor):
        raise Denied(Status.DUPLICATE_TRANSACTION)
    if known.rolled_back:
        raise Denied(Status.TRANSACTION_ROLLED_BACK)
    return True


def _check_money(book: Book, currency: str, amount: int, *, least: int) -> None:
    if currency != book.player.currency:
        raise Denied(Status.WRONG_CURRENCY)
    if not least <= amount <= POLICY.amount_minor_max:
        raise Denied(Status.WRONG_TYPES)


def _forbidden(call: Call, transaction_uuid: str) -> bool:
    tombstones = rows.find(GameTransaction, provider=call.provider, reference_uuid=transaction_uuid, kind="rollback")
    return bool(tombstones)


def _named(call: Call, transaction_uuid: str) -> GameTransaction | None:
    found = rows.find(GameTransaction, provider=call.provider, transaction_uuid=transaction_uuid)
    return found[0] if found else None


def _referred(call: Call, book: Book, transaction_uuid: str) -> GameTransaction | None:
    found = _named(call, transaction_uuid)
    if found is not None and found.player_id != book.player.player_id:
        raise Denied(Status.INVALID_TOKEN)
    return found


def _move(
    call: Call,
    book: Book,
    request: BetRequest | WinRequest | RollbackRequest,
    kind: str,
    event: str,
    real_minor: int,
    bonus_minor: int,
    *,
    reference: str = "",
    share: wagering.Share | None = None,
) -> None:
    receipt = None
    if real_minor or bonus_minor:
        receipt = _post(call, book, request.transaction_uuid, kind, real_minor, bonus_minor)
    rows.insert(
        GameTransaction(
            provider=call.provider,
            transaction_uuid=request.transaction_uuid,
            kind=kind,
            player=book.player,
            reference_uuid=reference,
            game_code=request.game_code,
            round=request.round,
            amount_minor=abs(real_minor + bonus_minor),
            real_minor=real_minor,
            bonus_minor=bonus_minor,
            receipt=receipt,
            at=book.now,
            grant=share.grant if share else None,
            wagered_minor=share.wagered_minor if share else 0,
        )
    )
    if receipt is not None:
        counted = share is not None and share.wagered_minor != 0
        if share is not None and counted:
            wagering.count(book, share, receipt)
        outbox.tell(book, event, [receipt], claims_changed=counted)


def _post(call: Call, book: Book, transaction_uuid: str, kind: str, real_minor: int, bonus_minor: int) -> Receipt:
    command = {"bet": "place-bet", "win": "settle-win", "rollback": "roll-back"}[kind]
    player = call.player
    asked = Asked(player.player, player.currency, command, f"{call.provider}:{transaction_uuid}", call.fingerprint)
    receipt = receipts.write(book, asked, kind=kind, state="done", amount_minor=real_minor + bonus_minor)
    try:
        book.post(kind, receipt, {"real": real_minor, "bonus": bonus_minor}, "games")
    except NotEnough as error:
        raise Denied(Status.NOT_ENOUGH_MONEY) from error
    return receipt


def _ok(book: Book, request_uuid: str) -> WalletAnswer:
    stakeable = book.balance("real") + book.balance("bonus")
    return WalletAnswer(Status.OK, request_uuid, book.player.player_id, book.player.currency, stakeable)
