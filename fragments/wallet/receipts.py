"""The status of a command, in words. Pure: no request, no clock, no I/O.

Public: `ReceiptCard`, `Detail`, `receipt_card`, `unknown_card`, `not_done_card`, `forgotten_card`, `not_sent_card`,
`refused_card`, `receipt_out_of_reach`, `detail`.
"""

from dataclasses import dataclass
from typing import Literal

from bff.contracts import command_names
from bff.contracts.wallet import Receipt
from fragments.kit.answer import rfc3339
from fragments.kit.formats import Formats
from fragments.kit.freshness import AsOf
from fragments.kit.unanswered import UnansweredCommand
from fragments.wallet.labels import COMMANDS, state_label

_NOUNS = {
    "deposit": "deposit",
    "withdraw": "withdrawal",
    "cancel": "cancellation",
    "limit": "limit",
    "break": "break",
}
_DONE = {
    command_names.DEPOSIT: ("{amount} added", "Booked to your account."),
    command_names.WITHDRAW: ("{amount} paid out", "The money has left for your bank."),
    command_names.CANCEL_WITHDRAWAL: ("{amount} taken back", "The money is in your balance again."),
    command_names.SET_DEPOSIT_LIMIT: ("Your deposit limit is set", "It counts from now on."),
    command_names.SELF_EXCLUDE: ("Your break has begun", "Nobody can end it early. You can still withdraw."),
}
_PENDING = {
    command_names.DEPOSIT: (
        "Deposit of {amount} pending",
        "We are waiting for the payment to be confirmed; nothing more to do.",
    ),
    command_names.WITHDRAW: ("{amount} set aside for you", "It is paid out as soon as it has been checked."),
    command_names.SET_DEPOSIT_LIMIT: (
        "Your new limit waits",
        "A higher limit counts a day from now. Until then nothing changes.",
    ),
}
_DECLINED = {
    command_names.DEPOSIT: ("Deposit of {amount} declined", "The payment was declined. Your balance has not changed."),
    command_names.WITHDRAW: ("Withdrawal of {amount} not paid out", "The money is in your balance again."),
}
# A limit or a break that is set twice is set once; nobody is asked to wait with one.
_TWICE_IS_MORE = frozenset({command_names.DEPOSIT, command_names.WITHDRAW})
_OTHERWISE = ("Request of {amount}", "")


@dataclass(frozen=True, slots=True)
class ReceiptCard:
    """The status of a command as a card. `again` is the address to check again, empty where checking makes no sense.
    `ends` is the feed whose recovery removes the card.
    """

    state: Literal["done", "pending", "declined", "failed"]
    title: str
    text: str
    reference: str = ""
    again: str = ""
    ends: str = ""


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


def unknown_card(unanswered: UnansweredCommand, again: str) -> ReceiptCard:
    """For a command whose answer was lost. Checking again sends nothing; the key is its reference."""
    text = (
        "The answer got lost on the way, so it may or may not have gone through. We keep asking, and it will show here "
        "by itself."
    )
    if unanswered.about in _TWICE_IS_MORE:
        text += " Please don't send it again until then."
    return ReceiptCard("pending", f"We are checking your {_noun(unanswered)}", text, unanswered.key, again)


def not_done_card(unanswered: UnansweredCommand) -> ReceiptCard:
    """For a command whose key the engine has closed."""
    text = "The cashier has not taken it and can't any more. Nothing was done; you can send it again."
    return ReceiptCard("failed", f"Your {_noun(unanswered)} was not carried out", text, unanswered.key)


def forgotten_card(unanswered: UnansweredCommand) -> ReceiptCard:
    """For a command whose outcome can not be found by its key any more."""
    text = "It is too long ago to be looked up by its reference. Your history shows what was booked."
    return ReceiptCard("pending", f"What became of your {_noun(unanswered)}", text, unanswered.key)


def not_sent_card(action: str) -> ReceiptCard:
    """For a command that never reached the engine."""
    text = "The cashier can't be reached, so nothing was done. What you typed is kept; please try again in a moment."
    return ReceiptCard("failed", f"Your {_NOUNS[action]} was not sent", text, ends="engine")


def refused_card(action: str, words: str) -> ReceiptCard:
    """For a command that was refused and has no field to say so beside."""
    return ReceiptCard("failed", f"Your {_NOUNS[action]} was refused", words)


def receipt_out_of_reach(receipt_id: str) -> ReceiptCard:
    """For a receipt that can not be read at this moment."""
    text = "Its details can't be read right now. Your last transactions show what has been booked."
    return ReceiptCard("pending", "Receipt received", text, receipt_id)


def _noun(unanswered: UnansweredCommand) -> str:
    return _NOUNS.get(unanswered.about, "request")


def detail(receipt: Receipt, formats: Formats) -> Detail:
    """`receipt` as one transaction of the history."""
    settled = "in" if receipt.amount_minor >= 0 else "out"
    return Detail(
        title=COMMANDS.get(receipt.command, "Transaction"),
        amount=formats.money(receipt.amount_minor, receipt.currency, signed=True),
        state=state_label(receipt.command, receipt.state) or "Booked",
        tone=settled if receipt.state == "done" else receipt.state,
        moment=AsOf(rfc3339(receipt.at), formats.day_time_year(receipt.at)),
        reference=receipt.receipt_id,
        reason=receipt.reason,
        can_be_taken_back=receipt.command == command_names.WITHDRAW and receipt.state == "pending",
    )
