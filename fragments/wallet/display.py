"""What the wallet's templates show, decided from the BFF's answers. Pure: no request, no clock, no I/O.

Public: `Panel`, `Form`, `Line`, `Figures`, `ReceiptCard`, `panel`, `form_for`, `receipt_card`, `unknown_card`,
`not_sent_card`, `receipt_out_of_reach`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bff.contracts.view import View
from bff.contracts.wallet import Availability, Balances, Movement, Receipt, WalletData
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit.answer import Degraded, rfc3339
from fragments.kit.formats import Formats, MoneyText, minor_digits
from fragments.kit.freshness import AsOf, Note, as_of, judge
from fragments.wallet.policy import limits_for

_KINDS = {
    "deposit": "Deposit",
    "withdrawal": "Withdrawal",
    "bonus": "Bonus",
    "bet": "Bet",
    "win": "Win",
    "rollback": "Bet returned",
    "opening": "Opening balance",
}
_STATES = {"done": "", "pending": "Pending", "declined": "Declined"}
_FOLLOWED = ("real_minor", "bonus_minor", "withdrawable_minor", "pending_minor")
_UNREACHABLE = "Your balance can't be shown right now. We keep trying."
_NOT_CURRENT = "Deposits wait until your balance is current again."


@dataclass(frozen=True, slots=True)
class Figures:
    """The balances as text, and as they were in minor units: an open page asks again when one of these changes."""

    real: MoneyText
    bonus: str
    withdrawable: str
    minor: dict[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One movement. `tone` is `in`, `out`, `pending` or `declined`."""

    label: str
    amount: str
    state: str
    tone: str
    moment: AsOf
    reference: str


@dataclass(frozen=True, slots=True)
class Form:
    """The deposit form. Where it is not `open`, `closed` says why; `error` belongs to the amount."""

    open: bool
    closed: Note | None
    currency: str
    input_mode: Literal["decimal", "numeric"]
    hint: str
    key: str
    typed: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptCard:
    """What became of a command. `amount_typed` and `key` are there where asking again with the same key makes sense."""

    state: Literal["done", "pending", "declined", "failed"]
    title: str
    text: str
    reference: str = ""
    key: str = ""
    amount_typed: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A signed-in player's wallet. `figures` is None where nothing is known.

    `note` sums up everything, for the summary; `balance_note` speaks of the figures only, beside a form that speaks for
    itself, so that nothing is said twice.
    """

    note: Note
    balance_note: Note
    figures: Figures | None
    lines: list[Line]
    form: Form
    receipt: ReceiptCard | None
    degraded: Degraded | None


def panel(
    answer: View[WalletData] | Failure, form: Form, formats: Formats, receipt: ReceiptCard | None = None
) -> Panel:
    """The wallet as `answer` lets it be shown."""
    degraded = judge(answer)
    if isinstance(answer, Failure) or answer.data is None:
        note = Note("bad", _UNREACHABLE)
        return Panel(note, note, None, [], form, receipt, degraded)
    data = answer.data
    balance_note = _note(degraded, formats) if degraded else _good_note(answer, data.balances, formats)
    note = balance_note
    if degraded is None and form.closed:
        degraded = Degraded(Reason.ENGINE_DOWN, answer.freshness.as_of)
        note = Note("warn", _first_sentence(form.closed.before))
    return Panel(
        note=note,
        balance_note=balance_note,
        figures=_figures(data.balances, formats),
        lines=[_line(movement, formats) for movement in data.recent],
        form=form,
        receipt=receipt,
        degraded=degraded,
    )


def form_for(
    answer: View[WalletData] | Failure, currency: str, formats: Formats, *, key: str, typed: str = "", error: str = ""
) -> Form:
    """The deposit form: open only while the balance is current and the engine takes deposits."""
    availability = _availability(answer)
    limits = limits_for(currency)
    least, most = (
        formats.money_short(amount, currency) for amount in (limits.amount_minor_min, limits.amount_minor_max)
    )
    return Form(
        open=availability.open,
        closed=None if availability.open else Note("warn", availability.reason),
        currency=currency,
        input_mode="decimal" if minor_digits(currency) else "numeric",
        hint=f"From {least} to {most}.",
        key=key,
        typed=typed,
        error=error,
    )


def receipt_card(receipt: Receipt, formats: Formats) -> ReceiptCard:
    """`receipt` in words."""
    amount = formats.money(receipt.amount_minor, receipt.currency)
    what = _KINDS.get(receipt.command.lower(), "Request")
    if receipt.state == "done":
        return ReceiptCard("done", f"{amount} added", "Booked to your account.", receipt.receipt_id)
    if receipt.state == "pending":
        text = receipt.reason or "We are waiting for the payment to be confirmed. There is nothing more to do."
        return ReceiptCard("pending", f"{what} of {amount} pending", text, receipt.receipt_id)
    text = receipt.reason or "The payment was declined. Your balance has not changed."
    return ReceiptCard("declined", f"{what} of {amount} declined", text, receipt.receipt_id)


def unknown_card(typed: str, key: str) -> ReceiptCard:
    """For a deposit whose answer got lost: asking again with the same key can not take the money twice."""
    text = "The answer got lost on the way. If the payment went through it will show here; checking can't pay twice."
    return ReceiptCard("pending", "We are checking your deposit", text, key, key, typed)


def not_sent_card() -> ReceiptCard:
    """For a deposit that never reached the engine."""
    text = "The payment desk can't be reached, so nothing was taken. Your amount is kept; please try again in a moment."
    return ReceiptCard("failed", "Your deposit was not sent", text)


def receipt_out_of_reach(receipt_id: str) -> ReceiptCard:
    """For a receipt that can not be read at this moment."""
    text = "Its details can't be read right now. Your last transactions show what has been booked."
    return ReceiptCard("pending", "Receipt received", text, receipt_id)


def _availability(answer: View[WalletData] | Failure) -> Availability:
    if isinstance(answer, Failure) or answer.data is None or judge(answer) is not None:
        return Availability(False, _NOT_CURRENT)
    closed = Availability(False, "Deposits are not offered to this account.")
    return answer.data.actions.get("deposit", closed)


def _first_sentence(text: str) -> str:
    sentence, stop, _ = text.partition(". ")
    return sentence + stop.strip()


def _good_note(answer: View[WalletData], balances: Balances, formats: Formats) -> Note:
    if answer.pending:
        return Note("warn", "Your latest change is booked and will show here in a moment.")
    if not balances.pending_minor:
        return Note("good", "Up to date")
    return Note("good", f"Up to date; {formats.money(balances.pending_minor, balances.currency)} more on its way")


def _note(degraded: Degraded, formats: Formats) -> Note:
    moment = as_of(degraded.as_of, formats)
    if moment is None:
        return Note("warn", "These figures may be out of date.")
    stopped = degraded.reason is not Reason.FEED_STALE
    return Note("warn", "As of", moment, ". Updates have stopped." if stopped else "; may have changed since.")


def _figures(balances: Balances, formats: Formats) -> Figures:
    currency = balances.currency
    return Figures(
        real=formats.money_text(balances.real_minor, currency),
        bonus=formats.money(balances.bonus_minor, currency),
        withdrawable=formats.money(balances.withdrawable_minor, currency),
        minor={name: getattr(balances, name) for name in _FOLLOWED},
    )


def _line(movement: Movement, formats: Formats) -> Line:
    settled = "in" if movement.amount_minor >= 0 else "out"
    return Line(
        label=_KINDS.get(movement.kind.lower(), movement.kind.replace("_", " ").replace("-", " ").capitalize()),
        amount=formats.money(movement.amount_minor, movement.currency, signed=True),
        state=_STATES[movement.state],
        tone=settled if movement.state == "done" else movement.state,
        moment=_moment(movement.at, formats),
        reference=movement.reference,
    )


def _moment(moment: datetime, formats: Formats) -> AsOf:
    return AsOf(rfc3339(moment), formats.day_time(moment))
