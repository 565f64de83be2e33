"""Display values of the summary and the cashier, decided from the BFF's answers. Pure: no request, no clock, no I/O.

Public: `Panel`, `Form`, `Line`, `Figures`, `Pending`, `panel`, `AMOUNT_FORMS`, `deposit_form`,
`withdraw_form`, `line`, `age_note`, `live_sequence`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bff.contracts.command_names import DEPOSIT, WITHDRAW
from bff.contracts.money import minor_digits
from bff.contracts.view import View
from bff.contracts.wallet import Availability, Balances, Movement, WalletData
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit.answer import Degraded, rfc3339
from fragments.kit.formats import Formats, MoneyText
from fragments.kit.freshness import AsOf, Note, as_of, judge, paused
from fragments.kit.on_break import OnBreak, on_break
from fragments.wallet.labels import kind_label, state_label
from fragments.wallet.policy import limits_for
from fragments.wallet.receipts import ReceiptCard

_FOLLOWED = ("real_minor", "bonus_minor", "withdrawable_minor", "pending_minor", "held_minor")
_UNREACHABLE = "Your balance can't be shown right now. We keep trying."
_NOT_CURRENT = "{what} wait until your balance is current again."
_CHECKING = "This opens again as soon as we know what became of the one before."


@dataclass(frozen=True, slots=True)
class Figures:
    """The balances as text, and as they were in minor units: an open page asks again when one of these changes."""

    real: MoneyText
    bonus: str
    withdrawable: str
    coming: str
    leaving: str
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
class Pending:
    """A pending movement. `key` is None where the player can not cancel it."""

    line: Line
    key: str | None


@dataclass(frozen=True, slots=True)
class Form:
    """A form with an amount. Where it is not `open`, `closed` or the hint says why; `error` belongs to the amount."""

    open: bool
    closed: Note | None
    currency: str
    input_mode: Literal["decimal", "numeric"]
    hint: str
    key: str
    typed: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A signed-in player's wallet. `figures` is None where nothing is known.

    `note` sums up everything, for the summary; `balance_note` speaks of the figures only, beside forms that speak for
    themselves, so that nothing is said twice. `forms` has those of `AMOUNT_FORMS` by action; of what closes them only
    the first that is heard of is announced. `live_sequence` (`epoch:n`) is the sequence of the live
    message with the same figures: an open page ignores earlier ones.
    """

    note: Note
    balance_note: Note
    figures: Figures | None
    lines: list[Line]
    pending: list[Pending]
    forms: Mapping[str, Form]
    receipt: ReceiptCard | None
    degraded: Degraded | None
    live_sequence: str = ""
    on_break: OnBreak | None = None

    @property
    def withdraw_announced(self) -> bool:
        """Whether the reason why nothing can be withdrawn is announced elsewhere on the page."""
        return self.balance_note.announced or self.forms["deposit"].closed is not None


def _no_key(reference: str) -> None:
    return None


def panel(
    answer: View[WalletData] | Failure,
    forms: Mapping[str, Form],
    formats: Formats,
    *,
    receipt: ReceiptCard | None = None,
    cancel_key: Callable[[str], str | None] = _no_key,
) -> Panel:
    """The wallet as `answer` lets it be shown. With `cancel_key`, by reference, what is held can be taken back."""
    degraded = judge(answer)
    if isinstance(answer, Failure) or answer.data is None:
        note = Note("bad", _UNREACHABLE)
        standing = on_break(answer, formats)
        return Panel(note, note, None, [], [], forms, receipt, degraded, on_break=standing)
    data = answer.data
    balance_note = age_note(degraded, formats) if degraded else _good_note(answer, data.balances, formats)
    note, closed = balance_note, next((form.closed for form in forms.values() if form.closed), None)
    if degraded is None and closed:
        degraded = Degraded(Reason.ENGINE_DOWN, answer.freshness.as_of)
        note = Note("warn", _first_sentence(closed.before))
    # What is held can be taken back while the engine takes withdrawals, also when nothing else is left to withdraw.
    key = _no_key if forms["withdraw"].closed else cancel_key
    return Panel(
        note=note,
        balance_note=balance_note,
        figures=_figures(data.balances, formats),
        lines=[line(movement, formats) for movement in data.recent],
        pending=[_pending(movement, formats, key) for movement in data.pending],
        forms=forms,
        receipt=receipt,
        degraded=degraded,
        live_sequence=live_sequence(answer),
        on_break=on_break(answer, formats),
    )


def live_sequence(answer: View[Any]) -> str:
    """The sequence of the live message with the same figures as `answer`, for `data-live-seq`."""
    return ":".join(map(str, answer.freshness.sequence or ()))


def deposit_form(
    answer: View[WalletData] | Failure,
    currency: str,
    formats: Formats,
    *,
    key: str,
    typed: str = "",
    error: str = "",
    checking: bool = False,
) -> Form:
    """The deposit form: open only while the balance is current and the engine takes deposits.

    It is closed while the outcome of a deposit is being checked, so that the player does not pay twice.
    """
    limits = limits_for(currency)
    least, most = (
        formats.money_short(amount, currency) for amount in (limits.amount_minor_min, limits.amount_minor_max)
    )
    availability = Availability(False, _CHECKING) if checking else _availability(answer, DEPOSIT, "Deposits")
    return _form(availability, currency, f"From {least} to {most}.", key, typed, error)


def withdraw_form(
    answer: View[WalletData] | Failure,
    currency: str,
    formats: Formats,
    *,
    key: str,
    typed: str = "",
    error: str = "",
    checking: bool = False,
) -> Form:
    """The withdrawal form: open only while the balance is current and there is something to withdraw."""
    availability = Availability(False, _CHECKING) if checking else _availability(answer, WITHDRAW, "Withdrawals")
    hint = ""
    if not isinstance(answer, Failure) and answer.data is not None:
        hint = f"Up to {formats.money(answer.data.balances.withdrawable_minor, currency)}, set aside at once."
    return _form(availability, currency, hint, key, typed, error)


# What a player can do with an amount, by action: the cashier asks each for its form, in this order.
AMOUNT_FORMS: Mapping[str, Callable[..., Form]] = {"deposit": deposit_form, "withdraw": withdraw_form}


def line(movement: Movement, formats: Formats) -> Line:
    """A movement as a line of the history."""
    settled = "in" if movement.amount_minor >= 0 else "out"
    return Line(
        label=kind_label(movement.kind),
        amount=formats.money(movement.amount_minor, movement.currency, signed=True),
        state=state_label(movement.kind, movement.state),
        tone=settled if movement.state == "done" else movement.state,
        moment=AsOf(rfc3339(movement.at), formats.day_time(movement.at)),
        reference=movement.reference,
    )


def _form(availability: Availability, currency: str, hint: str, key: str, typed: str, error: str) -> Form:
    fault = not availability.open and not availability.own
    return Form(
        open=availability.open,
        closed=Note("warn", availability.reason) if fault else None,
        currency=currency,
        input_mode="decimal" if minor_digits(currency) else "numeric",
        hint=hint if availability.open else availability.reason,
        key=key,
        typed=typed,
        error=error,
    )


def _availability(answer: View[WalletData] | Failure, action: str, what: str) -> Availability:
    if isinstance(answer, Failure) or answer.data is None or judge(answer) is not None:
        return Availability(False, _NOT_CURRENT.format(what=what))
    closed = Availability(False, f"{what} are not offered to this account.")
    found = answer.data.actions.get(action, closed)
    return Availability(False, paused(what)) if found.open and answer.commands == "paused" else found


def _pending(movement: Movement, formats: Formats, key: Callable[[str], str | None]) -> Pending:
    return Pending(line(movement, formats), key(movement.reference) if movement.kind == "withdrawal" else None)


def _first_sentence(text: str) -> str:
    sentence, stop, _ = text.partition(". ")
    return sentence + stop.strip()


def _good_note(answer: View[WalletData], balances: Balances, formats: Formats) -> Note:
    if answer.pending:
        return Note("warn", "Your latest change is booked and will show here in a moment.")
    if not balances.pending_minor:
        return Note("good", "Up to date")
    return Note("good", f"Up to date; {formats.money(balances.pending_minor, balances.currency)} more on its way")


def age_note(degraded: Degraded, formats: Formats) -> Note:
    """The note about the age of the figures."""
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
        coming=formats.money(balances.pending_minor, currency),
        leaving=formats.money(balances.held_minor, currency),
        minor={name: getattr(balances, name) for name in _FOLLOWED},
    )
