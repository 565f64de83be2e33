"""What became of a command, in words. Pure: no request, no clock, no I/O.

Public: `ReceiptCard`, `Detail`, `receipt_card`, `unknown_card`, `not_sent_card`, `refused_card`,
`receipt_out_of_reach`, `detail`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bff.contracts.wallet import Receipt
from fragments.kit.answer import rfc3339
from fragments.kit.formats import Formats
from fragments.kit.freshness import AsOf
from fragments.wallet.words import COMMANDS, state_words

_NOUNS = {
    "deposit": "deposit",
    "withdraw": "withdrawal",
    "cancel": "cancellation",
    "limit": "limit",
    "break": "break",
}
_DONE = {
    "deposit": ("{amount} added", "Booked to your account."),
    "withdraw": ("{amount} paid out", "The money has left for your bank."),
    "cancel-withdrawal": ("{amount} taken back", "The money is in your balance again."),
    "set-deposit-limit": ("Your deposit limit is set", "It counts from now on."),
    "self-exclude": ("Your break has begun", "Until it is over you can not deposit or play. You can still withdraw."),
}
_PENDING = {
    "deposit": ("Deposit of {amount} pending", "We are waiting for the payment to be confirmed; nothing more to do."),
    "withdraw": ("{amount} set aside for you", "It is paid out as soon as it has been checked."),
    "set-deposit-limit": ("Your new limit waits", "A higher limit counts a day from now. Until then nothing changes."),
}
_DECLINED = {
    "deposit": ("Deposit of {amount} declined", "The payment was declined. Your balance has not changed."),
    "withdraw": ("Withdrawal of {amount} not paid out", "The money is in your balance again."),
}
_OTHERWISE = ("Request of {amount}", "")


@dataclass(frozen=True, slots=True)
class ReceiptCard:
    """What became of a command. `key`, `action` and `fields` are there where asking again makes sense."""

    state: Literal["done", "pending", "declined", "failed"]
    title: str
    text: str
    reference: str = ""
    key: str = ""
    action: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Detail:
    """One transaction in full. `tone` is as a line's."""

    title: str
    amount: str
    state: str
    tone: str
    moment: AsOf
    reference: str
    reason: str
    can_be_taken_back: bool


def receipt_card(receipt: Receipt, formats: Formats) -> ReceiptCard:
    """`receipt` in words."""
    words = {"done": _DONE, "pending": _PENDING, "declined": _DECLINED}[receipt.state]
    title, text = words.get(receipt.command.lower(), _OTHERWISE)
    amount = formats.money(abs(receipt.amount_minor), receipt.currency)
    return ReceiptCard(receipt.state, title.format(amount=amount), receipt.reason or text, receipt.receipt_id)


def unknown_card(action: str, fields: Mapping[str, str], key: str) -> ReceiptCard:
    """For a command whose answer got lost: asking again with the same key can not do it twice."""
    text = "The answer got lost on the way. If it went through it will show here; checking can't do it twice."
    return ReceiptCard("pending", f"We are checking your {_NOUNS[action]}", text, key, key, action, fields)


def not_sent_card(action: str) -> ReceiptCard:
    """For a command that never reached the engine."""
    text = "The cashier can't be reached, so nothing was done. What you typed is kept; please try again in a moment."
    return ReceiptCard("failed", f"Your {_NOUNS[action]} was not sent", text)


def refused_card(action: str, words: str) -> ReceiptCard:
    """For a command that was refused and has no field to say so beside."""
    return ReceiptCard("failed", f"Your {_NOUNS[action]} was refused", words)


def receipt_out_of_reach(receipt_id: str) -> ReceiptCard:
    """For a receipt that can not be read at this moment."""
    text = "Its details can't be read right now. Your last transactions show what has been booked."
    return ReceiptCard("pending", "Receipt received", text, receipt_id)


def detail(receipt: Receipt, formats: Formats) -> Detail:
    """`receipt` as one transaction of the history."""
    settled = "in" if receipt.amount_minor >= 0 else "out"
    return Detail(
        title=COMMANDS.get(receipt.command, "Transaction"),
        amount=formats.money(receipt.amount_minor, receipt.currency, signed=True),
        state=state_words(receipt.command, receipt.state) or "Booked",
        tone=settled if receipt.state == "done" else receipt.state,
        moment=AsOf(rfc3339(receipt.at), formats.day_time_year(receipt.at)),
        reference=receipt.receipt_id,
        reason=receipt.reason,
        can_be_taken_back=receipt.command == "withdraw" and receipt.state == "pending",
    )
