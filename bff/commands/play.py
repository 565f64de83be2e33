"""Stakes and wins, as game providers ask for them: each transaction counts once, and a rollback always wins.

Public: `balance`, `place_bet`, `settle_win`, `roll_back`, and `Call` and `Denied` of `calls.py`.
"""

from datetime import datetime

from django.db import transaction

from bff.commands import calls, outbox, overdue, receipts, rows, wagering
from bff.commands.books import Book, NotEnough
from bff.commands.calls import Call, Denied
from bff.commands.limits import excluded
from bff.commands.models import GameTransaction, Grant, Receipt
from bff.commands.policy import POLICY
from bff.commands.receipts import Asked
from bff.commands.wagering import Moved
from bff.contracts.seamless import BalanceRequest, BetRequest, RollbackRequest, Status, WalletAnswer, WinRequest

__all__ = ["Call", "Denied", "balance", "place_bet", "roll_back", "settle_win"]

_COMMANDS = {"bet": "place-bet", "win": "settle-win", "rollback": "roll-back"}
_FORFEITED = "The bonus that this was staked from had ended, so its part went with it."


@transaction.atomic(savepoint=False)
def balance(call: Call, request: BalanceRequest, now: datetime) -> WalletAnswer:
    """What the player can stake."""
    book, _ = calls.open_book(call, request, now)
    return _ok(book, request.request_uuid)


@transaction.atomic(savepoint=False)
def place_bet(call: Call, bet: BetRequest, now: datetime) -> WalletAnswer:
    """Take the stake: real money first, then bonus that runs.

    A bet that is denied is remembered, so its denial is an answer and no exception: that would take the memory back.
    Wins and rollbacks are owed, so that a denied one may come again and is not remembered.
    """
    book, before = calls.open_book(call, bet, now)
    if before is not None:
        return WalletAnswer(before, bet.request_uuid)
    running = overdue.still_running(book)
    try:
        name = calls.named(call, bet.transaction_uuid)
        if calls.known(name, book, bet, "bet", bet.amount):
            return _ok(book, bet.request_uuid)
        moved, share = _stake(name, book, bet, running)
    except Denied as denied:
        calls.remember(call, bet, denied.status)
        return WalletAnswer(denied.status, bet.request_uuid)
    _move(call, book, bet, "bet", "BetPlaced", moved, share=share)
    return _ok(book, bet.request_uuid)


@transaction.atomic(savepoint=False)
def settle_win(call: Call, win: WinRequest, now: datetime) -> WalletAnswer:
    """Pay what a bet brought, into the accounts the stake came from and in that proportion. 0 closes the round."""
    book, _ = calls.open_book(call, win, now)
    name = calls.named(call, win.transaction_uuid)
    if calls.known(name, book, win, "win", win.amount):
        return _ok(book, win.request_uuid)
    _check_money(book, win.currency, win.amount, least=0)
    bet = calls.referred(call, book, win.reference_transaction_uuid)
    if bet is None or bet.kind != "bet" or not calls.same_game(bet, win):
        raise Denied(Status.TRANSACTION_DOES_NOT_EXIST)
    if bet.rolled_back or name.forbidden:
        raise Denied(Status.TRANSACTION_ROLLED_BACK)
    bonus = win.amount * bet.bonus_minor // (bet.real_minor + bet.bonus_minor)
    moved = wagering.as_it_stands(bet, Moved(win.amount - bonus, bonus))
    _move(call, book, win, "win", "BetWon", moved, of=bet)
    return _ok(book, win.request_uuid)


@transaction.atomic(savepoint=False)
def roll_back(call: Call, rollback: RollbackRequest, now: datetime) -> WalletAnswer:
    """Undo a bet or a win, once. What is not known yet will be refused when it comes.

    A bet is undone by itself, also when it has won already: its win has a name of its own, and a provider who takes
    the round back sends a rollback for each. They may come in either order and are owed until they are taken, so that
    refusing the bet's until the win's has come would only make it come again; a win that is yet to come is refused.
    """
    book, _ = calls.open_book(call, rollback, now)
    if calls.known(calls.named(call, rollback.transaction_uuid), book, rollback, "rollback", None):
        return _ok(book, rollback.request_uuid)
    undone = calls.referred(call, book, rollback.reference_transaction_uuid)
    if undone is not None and (undone.kind == "rollback" or not calls.same_game(undone, rollback)):
        raise Denied(Status.TRANSACTION_DOES_NOT_EXIST)
    if undone is None or undone.rolled_back:
        _move(call, book, rollback, "rollback", "", Moved(0, 0))
        return _ok(book, rollback.request_uuid)
    undone.rolled_back = True
    rows.update(undone, "rolled_back")
    event = "BetRolledBack" if undone.kind == "bet" else "WinRolledBack"
    share = wagering.taken_back(undone)
    _move(call, book, rollback, "rollback", event, wagering.undoing(undone), of=undone, share=share)
    return _ok(book, rollback.request_uuid)


def _stake(name: calls.Named, book: Book, bet: BetRequest, running: list[Grant]) -> tuple[Moved, wagering.Share | None]:
    """What the bet takes and counts; raises `Denied`. Writes nothing."""
    _check_money(book, bet.currency, bet.amount, least=1)
    if bet.amount > POLICY.stake_minor_max:
        raise Denied(Status.LIMIT_EXCEEDED)
    if excluded(book):
        raise Denied(Status.USER_DISABLED)
    if name.forbidden:
        raise Denied(Status.TRANSACTION_ROLLED_BACK)
    real = min(book.balance("real"), bet.amount)
    bonus = bet.amount - real
    try:
        share = wagering.share_of(running, bet, bonus_minor=bonus)
    except wagering.StakeTooLarge as error:
        raise Denied(Status.LIMIT_EXCEEDED) from error
    if bonus > (book.balance("bonus") if running else 0):
        raise Denied(Status.NOT_ENOUGH_MONEY)
    return Moved(-real, -bonus), share


def _check_money(book: Book, currency: str, amount: int, *, least: int) -> None:
    if currency != book.player.currency:
        raise Denied(Status.WRONG_CURRENCY)
    if not least <= amount <= POLICY.amount_minor_max:
        raise Denied(Status.WRONG_TYPES)


def _move(
    call: Call,
    book: Book,
    request: BetRequest | WinRequest | RollbackRequest,
    kind: str,
    event: str,
    moved: Moved,
    *,
    of: GameTransaction | None = None,
    share: wagering.Share | None = None,
) -> None:
    """Move it and write it down. `of`: the transaction that it belongs to, and so the bonus."""
    receipt = _post(call, book, request.transaction_uuid, kind, moved) if any(moved) else None
    rows.insert_values(
        GameTransaction,
        {
            "provider": call.provider,
            "transaction_uuid": request.transaction_uuid,
            "kind": kind,
            "player_id": book.player.player_id,
            "reference_uuid": getattr(request, "reference_transaction_uuid", ""),
            "game_code": request.game_code,
            "round": request.round,
            "amount_minor": abs(sum(moved)),
            "real_minor": moved.real_minor,
            "bonus_minor": moved.bonus_minor,
            "rolled_back": False,
            "receipt_id": receipt and receipt.pk,
            "at": book.now,
            "grant_id": share.grant.pk if share else of and of.grant_id,
            "wagered_minor": share.wagered_minor if share else 0,
        },
    )
    if receipt is not None:
        counted = share is not None and share.wagered_minor != 0
        if share is not None and counted:
            wagering.count(book, share, receipt)
        outbox.tell(book, event, [receipt], claims_changed=counted)


def _post(call: Call, book: Book, transaction_uuid: str, kind: str, moved: Moved) -> Receipt:
    player = call.player
    key = f"{call.provider}:{transaction_uuid}"
    asked = Asked(player.player, player.currency, _COMMANDS[kind], key, call.fingerprint)
    theirs = moved.real_minor + moved.bonus_minor
    reason = _FORFEITED if moved.forfeited_minor > 0 else ""
    receipt = receipts.write(
        book, asked, kind=kind, state="done", amount_minor=theirs, reason=reason, in_history=theirs != 0
    )
    lines = {"real": moved.real_minor, "bonus": moved.bonus_minor}
    try:
        book.post(kind, receipt, lines, "games", forfeited_minor=moved.forfeited_minor)
    except NotEnough as error:
        raise Denied(Status.NOT_ENOUGH_MONEY) from error
    return receipt


def _ok(book: Book, request_uuid: str) -> WalletAnswer:
    stakeable = book.balance("real") + book.balance("bonus")
    return WalletAnswer(Status.OK, request_uuid, book.player.player_id, book.player.currency, stakeable)
