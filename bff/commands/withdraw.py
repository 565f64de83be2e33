"""Withdraw: money is held at once, and then paid, given back by the house, or taken back by the player.

Public: `withdraw`, `cancel`, `pay`, `release`.
"""

from datetime import datetime

from django.db import transaction

from bff.commands.deposit import check_amount
from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import Book, NotEnough
from bff.commands.ledger.models import Receipt, Withdrawal
from bff.commands.ledger.receipts import Asked, Refused
from bff.contracts.wallet import CancelWithdrawal, Withdraw


@transaction.atomic
def withdraw(asked: Asked, wanted: Withdraw, now: datetime) -> Receipt:
    """The pending receipt; the amount can not be staked from here on."""
    check_amount(wanted.amount_minor, wanted.currency)
    book = Book.open(asked.player, wanted.currency, now)
    if (before := receipts.answered_before(asked, book)) is not None:
        return before
    if wanted.currency != book.player.currency:
        wrong = f"Your account is kept in {book.player.currency}."
        raise Refused(422, "currency_differs", "Nothing was done.", {"currency": wrong})
    receipt = receipts.write(
        book,
        asked,
        kind="withdrawal",
        state="pending",
        amount_minor=-wanted.amount_minor,
        reason="The money is set aside for you until it is paid out.",
    )
    try:
        book.post("hold", receipt, {"real": -wanted.amount_minor, "held": wanted.amount_minor}, "payments")
    except NotEnough as error:
        fields = {"amount_minor": "This is more than you can withdraw."}
        raise Refused(409, "not_enough_money", "Nothing was done.", fields) from error
    Withdrawal.objects.create(receipt=receipt, state="held")
    outbox.tell(book, "WithdrawalRequested", [receipt])
    return receipt


@transaction.atomic
def cancel(asked: Asked, wanted: CancelWithdrawal, now: datetime) -> Receipt:
    """The player takes back what is still held."""
    book = Book.open(asked.player, asked.currency, now)
    if (before := receipts.answered_before(asked, book)) is not None:
        return before
    held = (
        Withdrawal.objects.select_related("receipt").filter(pk=wanted.receipt_id, receipt__player=book.player).first()
    )
    if held is None:
        raise Refused(404, "withdrawal_unknown", "You have no withdrawal with this reference.")
    if held.state != "held":
        raise Refused(409, "withdrawal_decided", f"This withdrawal was {held.state} already.")
    amount = -held.receipt.amount_minor
    receipt = receipts.write(book, asked, kind="withdrawal", state="done", amount_minor=amount, in_history=False)
    _give_back(book, held, "cancelled", "You took this withdrawal back.")
    outbox.tell(book, "WithdrawalCancelled", [held.receipt, receipt])
    return receipt


@transaction.atomic
def pay(receipt_id: str, now: datetime) -> Receipt:
    """The money has left the house; raises `Refused` when it is not held."""
    book, held = _held(receipt_id, now)
    receipts.change(book, held.receipt, state="done")
    book.post("payout", held.receipt, {"held": held.receipt.amount_minor}, "payments")
    held.state, held.decided_at = "paid", now
    held.save()
    outbox.tell(book, "WithdrawalPaid", [held.receipt])
    return held.receipt


@transaction.atomic
def release(receipt_id: str, reason: str, now: datetime) -> Receipt:
    """The house does not pay: the money is the player's to stake again. `reason` is a sentence for the player."""
    book, held = _held(receipt_id, now)
    _give_back(book, held, "released", reason)
    outbox.tell(book, "WithdrawalReleased", [held.receipt])
    return held.receipt


def _held(receipt_id: str, now: datetime) -> tuple[Book, Withdrawal]:
    owner = Receipt.objects.filter(pk=receipt_id, withdrawal__isnull=False).values_list("player_id", "currency").first()
    if owner is None:
        raise Refused(404, "withdrawal_unknown", f"There is no withdrawal {receipt_id}.")
    book = Book.open(*owner, now)
    held = Withdrawal.objects.select_related("receipt").get(pk=receipt_id)
    if held.state != "held":
        raise Refused(409, "withdrawal_decided", f"The withdrawal {receipt_id} was {held.state} already.")
    return book, held


def _give_back(book: Book, held: Withdrawal, state: str, reason: str) -> None:
    amount = held.receipt.amount_minor
    receipts.change(book, held.receipt, state="declined", reason=reason)
    book.post("release", held.receipt, {"held": amount, "real": -amount}, "payments")
    held.state, held.decided_at = state, book.now
    held.save()
