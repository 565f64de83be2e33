"""The wallet's history and limits, computed without request, clock or network."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from bff.contracts.view import Break
from bff.contracts.wallet import Availability, DepositLimit
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit.answer import Degraded
from fragments.kit.formats import formats_for
from fragments.wallet import display, history, limits, receipts
from tests.support.fragments_fake_bff import AS_OF, view
from tests.support.fragments_samples import history_data, limits_data, receipt, wallet_data

pytestmark = pytest.mark.quick

ENGLISH = formats_for("en-GB")
KEYS = {name: name for name in ("limit", "break", "day", "week", "month")}


def link(**query: str) -> str:
    return "?" + "&".join(f"{name}={value}" for name, value in query.items() if value)


def shown(answer: Any, **query: str) -> history.History:
    return history.history(answer, history.wanted_from(query), link, ENGLISH)


def rules(answer: Any, form: limits.FormState = limits.FormState()) -> limits.Limits:  # noqa: B008 (frozen)
    return limits.limits(answer, "EUR", ENGLISH, KEYS, form)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, history.Wanted()),
        ({"until": "2026-03", "kind": "play", "page": "7"}, history.Wanted("2026-03", "play", 7)),
        ({"until": "2026-13", "kind": "bet", "page": "0"}, history.Wanted()),
        ({"until": "٢٠٢٦-03", "kind": "<b>", "page": "9" * 40}, history.Wanted()),
    ],
)
def test_hostile_query_asks_for_nothing(query: dict[str, str], wanted: history.Wanted) -> None:
    """Only valid months, filters and pages are taken from a query."""
    assert history.wanted_from(query) == wanted


def test_history_stands_by_the_month_with_the_sums_of_the_whole_month() -> None:
    """Lines stand under their month; an empty month has no line, and every window and filter is a link."""
    page = shown(view(history_data()), kind="play")
    assert page.months is not None
    assert [(month.title, len(month.entries)) for month in page.months] == [
        ("March 2026", 4),
        ("February 2026", 2),
        ("January 2026", 0),
    ]
    first = page.months[0]
    assert (first.came, first.went, first.count) == ("+€56.00", "-€12.00", "44 lines")
    assert [(choice.words, choice.href, choice.current) for choice in page.windows][:2] == [
        ("Jan – Mar 2026", "?kind=play", True),
        ("Oct – Dec 2025", "?until=2025-12&kind=play", False),
    ]
    assert [(choice.words, choice.count) for choice in page.filters] == [
        ("All", "45"),
        ("Deposits", "20"),
        ("Withdrawals", "0"),
        ("Bets and wins", "22"),
        ("Bonuses", "3"),
    ]
    assert first.entries[0].href == "?kind=play&line=rc_0"


@pytest.mark.parametrize(
    ("number", "newer", "older"),
    [
        (1, "", "?until=2026-03&page=2"),
        (2, "?until=2026-03", "?until=2026-03&page=3"),
        (3, "?until=2026-03&page=2", ""),
    ],
)
def test_pager_leads_to_its_neighbours_only(number: int, newer: str, older: str) -> None:
    """Links keep the window, and there is none before the first or after the last page."""
    found = shown(view(history_data(page=number)), until="2026-03", page=str(number))
    assert (found.newer, found.older, found.position) == (newer, older, f"Page {number} of 3")


def test_only_the_newest_page_follows_what_happens() -> None:
    """An older page would be refetched at every event without a change."""
    assert shown(view(history_data())).first == "rc_0"
    assert shown(view(history_data()), kind="play").first == ""
    assert shown(view(history_data(page=2)), page="2").first == ""


def test_history_out_of_reach_shows_no_line() -> None:
    """An unreadable history is not shown as an empty one."""
    gone = shown(Failure(Reason.TIMEOUT))
    assert (gone.months, gone.windows, gone.degraded) == (None, [], Degraded(Reason.TIMEOUT))
    assert "keep trying" in gone.note.before
    empty = shown(view(history_data(lines=0)))
    assert empty.nothing
    assert empty.degraded is None


def test_limits_say_what_is_and_what_will_be() -> None:
    """A raise and a removal have their date; only a limit that is set and not about to end can be removed."""
    page = rules(view(limits_data()))
    assert page.rows is not None
    assert [(row.amount, row.change, row.key) for row in page.rows] == [
        ("€100.00", "Becomes €200.00", "day"),
        ("No limit", "", None),
        ("€500.00", "Ends", None),
    ]
    assert page.rows[0].moment is not None
    assert page.rows[0].moment.text == "15 Mar 2026, 16:14 UTC"


def test_limits_can_be_set_while_they_are_old_but_not_while_the_engine_is_away() -> None:
    """Stale limits show their age and stay open; while the engine is away every form is closed with its sentence."""
    old = rules(view(limits_data(), "stale"))
    assert (old.form.open, old.degraded) == (True, Degraded(Reason.FEED_STALE, AS_OF))
    closed = rules(view(limits_data(Availability(False, "Paused."))))
    assert (closed.form.open, closed.note.before) == (False, "Paused.")
    assert closed.degraded == Degraded(Reason.ENGINE_DOWN, AS_OF)
    assert closed.rows is not None
    assert not any(row.key for row in closed.rows)
    assert not closed.break_open
    unknown = rules(Failure(Reason.CONNECT))
    assert not unknown.form.open
    assert unknown.break_open, "a break is stricter than anything that may be set"


@pytest.mark.parametrize(("for_good", "words"), [(False, "21 Mar 2026, 20:14 UTC"), (True, None)])
def test_break_says_until_when(for_good: bool, words: str | None) -> None:
    """A break without an end names no date of the far future."""
    pause = Break(None if for_good else AS_OF + timedelta(days=7))
    standing = rules(view(limits_data(), on_break=pause)).on_break
    assert standing is not None
    assert (standing.moment.text if standing.moment else None) == words


def test_limit_of_nothing_is_a_limit() -> None:
    """A limit of zero is not shown as no limit."""
    data = msgspec.structs.replace(limits_data(), deposit=[DepositLimit("day", 0)])
    page = rules(view(data))
    assert page.rows is not None
    assert page.rows[0].amount == "€0.00"


def test_each_held_withdrawal_is_taken_back_under_a_key_of_its_own() -> None:
    """Two of them are two commands; a deposit on its way can not be taken back, nor anything while figures are old."""
    data = wallet_data(held_minor=2_500)
    data = msgspec.structs.replace(
        data, pending=[*data.pending, msgspec.structs.replace(data.pending[1], reference="rc_2")]
    )

    def keys(answer: Any) -> list[str | None]:
        forms = {action: form(answer, "EUR", ENGLISH, key="k") for action, form in display.AMOUNT_FORMS.items()}
        panel = display.panel(answer, forms, ENGLISH, cancel_key=lambda reference: f"c-{reference}")
        return [item.key for item in panel.pending]

    assert keys(view(data)) == [None, "c-rc_held", "c-rc_2"]
    assert keys(view(data, "stale")) == [None, None, None]
    nothing_left = msgspec.structs.replace(
        data, actions={**data.actions, "withdraw": Availability(False, "Nothing to withdraw.", own=True)}
    )
    assert keys(view(nothing_left))[1] == "c-rc_held"


def test_what_the_player_closed_themselves_is_no_fault() -> None:
    """A break closes deposits with a sentence, and the wallet stays fresh."""
    data = wallet_data(deposit=Availability(False, "You are on a break.", own=True))
    forms = {action: form(view(data), "EUR", ENGLISH, key="k") for action, form in display.AMOUNT_FORMS.items()}
    form = forms["deposit"]
    assert (form.open, form.closed, form.hint) == (False, None, "You are on a break.")
    assert display.panel(view(data), forms, ENGLISH).degraded is None


@pytest.mark.parametrize("state", ["done", "pending", "declined"])
@pytest.mark.parametrize(
    "command", ["deposit", "withdraw", "cancel-withdrawal", "set-deposit-limit", "self-exclude", "later-command"]
)
def test_every_answer_has_words(command: str, state: Any) -> None:
    """A card has a title in every state, also for a command that this release does not know."""
    card = receipts.receipt_card(receipt(state, command=command), ENGLISH)
    assert card.title
    assert "{" not in card.title


def test_transaction_in_full_can_lead_to_the_cashier() -> None:
    """Only a withdrawal that is still held links to taking it back."""
    held = receipts.detail(receipt("pending", command="withdraw"), ENGLISH)
    assert (held.title, held.state, held.can_be_taken_back) == ("Withdrawal", "Pending", True)
    assert not receipts.detail(receipt(command="withdraw"), ENGLISH).can_be_taken_back
