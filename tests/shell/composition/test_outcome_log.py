"""Outcomes in the log: the first of a kind at once, and repeated ones so rarely that logging costs less than
the page."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition.ladder import Included
from shell.composition.outcome_log import OutcomeLog
from shell.composition.page import Page, Slot, Visit

pytestmark = pytest.mark.quick

PAGE = Page("lobby", "/", "lobby.html")
VISIT = Visit(PAGE, {}, language="en", locale="en-GB", currency="EUR", origin="http://localhost")
ONE, TWO = Slot("one", "a"), Slot("two", "b")


class Timer:
    """Runs due calls when a test lets time pass."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def later(self, _delay_s: float, call: Callable[[], None]) -> None:
        self.due.append(call)

    def pass_(self) -> None:
        due, self.due = self.due, []
        for call in due:
            call()


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def outcome_log(timer: Timer) -> OutcomeLog:
    return OutcomeLog(timer.later)


def fallen(slot: Slot = ONE, reason: Reason = Reason.TIMEOUT, ms: int = 1) -> Included:
    return Included(slot, State.FALLBACK, b"<p>", None, reason, ms=ms)


def test_the_first_of_a_kind_is_logged_at_once(outcome_log: OutcomeLog) -> None:
    """Another slot and another reason are other kinds."""
    with capture_logs() as lines:
        for included in (fallen(), fallen(TWO), fallen(reason=Reason.BREAKER_OPEN), fallen()):
            outcome_log.record(included, "lobby")
    assert [(line["slot"], line["reason"], line["times"]) for line in lines] == [
        ("one", "timeout", 1),
        ("two", "timeout", 1),
        ("one", "breaker_open", 1),
    ]
    assert {line["log_level"] for line in lines} == {"warning"}


def test_a_flood_is_one_line_a_second_that_counts_it(outcome_log: OutcomeLog, timer: Timer) -> None:
    """Nothing is lost from the sum, and when the flood is over nothing more is logged."""
    with capture_logs() as lines:
        for number in range(1000):
            outcome_log.record(fallen(ms=number), "lobby")
        timer.pass_()
        for _ in range(500):
            outcome_log.record(fallen(), "lobby")
        timer.pass_()
        timer.pass_()
        timer.pass_()
        assert not timer.due
        outcome_log.record(fallen(), "lobby")
    assert [line["times"] for line in lines] == [1, 999, 500, 1]
    assert lines[1]["ms"] == 999


def test_fresh_outcomes_are_debug_lines(outcome_log: OutcomeLog, timer: Timer) -> None:
    """They are counted, and logged only for whoever debugs."""
    with capture_logs() as lines:
        outcome_log.record(Included(ONE, State.FRESH, b"<p>", None), "lobby")
    assert {line["log_level"] for line in lines} == {"debug"}
    assert not timer.due
