"""What is said of outcomes: every kind at once, and no kind so often that saying it costs more than the page."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition.ladder import Included
from shell.composition.page import Page, Slot, Visit
from shell.composition.telling import Teller

PAGE = Page("lobby", "/", "lobby.html")
VISIT = Visit(PAGE, {}, language="en", locale="en-GB", currency="EUR", origin="http://localhost")
ONE, TWO = Slot("one", "a"), Slot("two", "b")


class Timer:
    """Calls what is due when a test says that time passes."""

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
def teller(timer: Timer) -> Teller:
    return Teller(timer.later)


def fallen(slot: Slot = ONE, reason: Reason = Reason.TIMEOUT, ms: int = 1) -> Included:
    return Included(slot, State.FALLBACK, b"<p>", None, reason, ms=ms)


def test_the_first_of_a_kind_is_said_at_once(teller: Teller) -> None:
    """Another slot and another reason are other kinds."""
    with capture_logs() as said:
        for included in (fallen(), fallen(TWO), fallen(reason=Reason.BREAKER_OPEN), fallen()):
            teller.tell(included, VISIT)
    assert [(line["slot"], line["reason"], line["times"]) for line in said] == [
        ("one", "timeout", 1),
        ("two", "timeout", 1),
        ("one", "breaker_open", 1),
    ]
    assert {line["log_level"] for line in said} == {"warning"}


def test_a_flood_is_one_line_a_second_that_counts_it(teller: Teller, timer: Timer) -> None:
    """Nothing is lost from the sum, and when the flood is over nothing more is said."""
    with capture_logs() as said:
        for number in range(1000):
            teller.tell(fallen(ms=number), VISIT)
        timer.pass_()
        for _ in range(500):
            teller.tell(fallen(), VISIT)
        timer.pass_()
        timer.pass_()
        timer.pass_()
        assert not timer.due
        teller.tell(fallen(), VISIT)
    assert [line["times"] for line in said] == [1, 999, 500, 1]
    assert said[1]["ms"] == 999


def test_fresh_outcomes_are_no_news(teller: Teller, timer: Timer) -> None:
    """They are counted, and said only to who debugs."""
    with capture_logs() as said:
        teller.tell(Included(ONE, State.FRESH, b"<p>", None), VISIT)
    assert {line["log_level"] for line in said} == {"debug"}
    assert not timer.due
