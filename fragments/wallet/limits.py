"""Display values of the page of limits, decided from the BFF's answer. Pure: no request, no clock, no I/O.

Public: `Limits`, `Row`, `PERIODS`, `BREAKS`, `limits`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bff.contracts.money import minor_digits
from bff.contracts.view import View
from bff.contracts.wallet import Availability, DepositLimit, LimitsData
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit.answer import Degraded, rfc3339
from fragments.kit.formats import Formats
from fragments.kit.freshness import AsOf, Note, judge, paused
from fragments.kit.on_break import OnBreak, on_break
from fragments.wallet.display import Form, age_note
from fragments.wallet.receipts import ReceiptCard

PERIODS = {"day": "A day", "week": "A week", "month": "A month"}
_IN_A = {"day": "any 24 hours", "week": "any 7 days", "month": "any 30 days"}
# Days that a break may take, by the words of the form; None is for good.
BREAKS: dict[str, tuple[str, int | None]] = {
    "1": ("24 hours", 1),
    "7": ("A week", 7),
    "30": ("A month", 30),
    "182": ("Six months", 182),
    "365": ("A year", 365),
    "for-good": ("For good", None),
}
_CLOSED = "Limits can't be changed while we can't be sure what is set. What is set stays in force."
# A break can only make things stricter, whatever is set: where nothing is known of the engine, it is asked.
_BREAK = Availability(True)
_PAUSED = Availability(False, paused("Changes"))


@dataclass(frozen=True, slots=True)
class Row:
    """One period. `change` says what it will be, `moment` from when on; `key` is None where it can not be removed."""

    period: str
    title: str
    within: str
    amount: str
    change: str
    moment: AsOf | None
    key: str | None


@dataclass(frozen=True, slots=True)
class Limits:
    """The page. `rows` is None where nothing is known; of `typed` the fields are period, amount and days.

    `break_open` also where nothing is known: nobody is kept from a break that the engine would take.
    """

    note: Note
    rows: list[Row] | None
    on_break: OnBreak | None
    form: Form
    break_open: bool
    break_key: str
    break_error: str
    periods: dict[str, str]
    breaks: dict[str, str]
    typed: Mapping[str, str]
    receipt: ReceiptCard | None
    degraded: Degraded | None


@dataclass(frozen=True, slots=True)
class FormState:
    """What an action has left in the forms: `about` is the form that `error` belongs to."""

    about: str = ""
    error: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    receipt: ReceiptCard | None = None


def limits(
    answer: View[LimitsData] | Failure, currency: str, formats: Formats, keys: Mapping[str, str], state: FormState
) -> Limits:
    """The limits as `answer` lets them be shown. `keys` has one for `limit`, `break` and each period's removal."""
    degraded = judge(answer)
    data = None if isinstance(answer, Failure) else answer.data
    action = data.actions.get("limit", Availability(False, _CLOSED)) if data else Availability(False, _CLOSED)
    breaks = data.actions.get("exclude", _BREAK) if data else _BREAK
    if not isinstance(answer, Failure) and answer.commands == "paused" and degraded is None:
        action, breaks = (each if not each.open else _PAUSED for each in (action, breaks))
    if data is None:
        note = Note("bad", "Your limits can't be shown right now. What is set stays in force; we keep trying.")
    elif degraded is not None:
        note = age_note(degraded, formats)
    elif not action.open:
        degraded = Degraded(Reason.ENGINE_DOWN, None if isinstance(answer, Failure) else answer.freshness.as_of)
        note = Note("warn", action.reason)
    elif not isinstance(answer, Failure) and answer.pending:
        note = Note("warn", "Your latest change is in force and will show here in a moment.")
    else:
        note = Note("good", "Up to date")
    error = {state.about: state.error}
    return Limits(
        note=note,
        rows=[_row(each, data.currency, formats, keys, action) for each in data.deposit] if data else None,
        on_break=on_break(answer, formats),
        form=_form(action, currency, keys["limit"], state.typed.get("amount", ""), error.get("limit", ""), note),
        break_open=breaks.open,
        break_key=keys["break"],
        break_error=error.get("break", ""),
        periods=PERIODS,
        breaks={days: words for days, (words, _) in BREAKS.items()},
        typed=state.typed,
        receipt=state.receipt,
        degraded=degraded,
    )


def _row(limit: DepositLimit, currency: str, formats: Formats, keys: Mapping[str, str], action: Availability) -> Row:
    def written(amount_minor: int | None) -> str:
        return "No limit" if amount_minor is None else formats.money(amount_minor, currency)

    moment = AsOf(rfc3339(limit.next_at), formats.day_time_year(limit.next_at)) if limit.next_at else None
    ends = moment is not None and limit.next_minor is None
    change = ("Ends" if ends else f"Becomes {written(limit.next_minor)}") if moment else ""
    removable = action.open and limit.amount_minor is not None and not ends
    return Row(
        period=limit.period,
        title=PERIODS[limit.period],
        within=_IN_A[limit.period],
        amount=written(limit.amount_minor),
        change=change,
        moment=moment,
        key=keys[limit.period] if removable else None,
    )


def _form(action: Availability, currency: str, key: str, typed: str, error: str, note: Note) -> Form:
    why = "" if note.before == action.reason else action.reason  # never twice on one card
    return Form(
        open=action.open,
        closed=None,
        currency=currency,
        input_mode="decimal" if minor_digits(currency) else "numeric",
        hint="Lower counts at once. Higher waits a day, so that you can think again." if action.open else why,
        key=key,
        typed=typed,
        error=error,
    )
