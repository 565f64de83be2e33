"""Failures of one caller, who chose what is requested, and what they count for the upstream; with a clock that tests
set."""

from collections.abc import Callable
from typing import Any

import pytest

from bff.resilience.adaptive_timeout import AdaptiveTimeout
from bff.resilience.breaker import Breaker, Position
from bff.resilience.callers import Callers
from bff.resilience.judgement import settle
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason

pytestmark = pytest.mark.quick

POLICY = Policy(callers_max=8)
NOW = 100.0
REFUSED = Failure(Reason.UPSTREAM_ERROR, "status 500", status=500)
Fail = Callable[..., Position]


@pytest.fixture
def fail() -> Fail:
    """One call of `caller` with this result; returns the breaker's state after it."""
    breaker = Breaker("api", POLICY, trials=True, chance=lambda: 0.0, listener=lambda _: None)
    callers, pace = Callers(POLICY), AdaptiveTimeout(POLICY)

    def fail(caller: Any, now: float = NOW, ended: Failure = REFUSED) -> Position:
        permit = breaker.acquire(now)
        assert permit is not None
        given = {"given_ms": POLICY.deadline_ms, "took_ms": 1.0}
        settle(permit, ended, policy=POLICY, pace=pace, callers=callers, caller=caller, now=now, **given)
        return breaker.position

    return fail


def test_caller_who_asks_for_what_fails_opens_nothing(fail: Fail) -> None:
    """Not by many failures, and not by one that asks for a pause."""
    for number in range(100):
        assert fail("one", NOW + number * 0.05) is Position.CLOSED
    pause = Failure(Reason.UPSTREAM_ERROR, "status 503", 3000, 503)
    assert fail("another", NOW + 6, pause) is Position.CLOSED


def test_upstream_that_fails_for_several_is_left_alone(fail: Fail) -> None:
    """As soon as for one whose caller chose nothing."""
    positions = [fail(f"caller {number}") for number in range(POLICY.consecutive_max)]
    assert positions == [Position.CLOSED] * (POLICY.consecutive_max - 1) + [Position.OPEN]


def test_caller_counts_again_in_the_next_window(fail: Fail) -> None:
    positions = [fail("one", NOW + number * POLICY.window_s) for number in range(POLICY.consecutive_max)]
    assert positions[-1] is Position.OPEN


def test_upstream_that_can_not_be_reached_is_nobodys_choice(fail: Fail) -> None:
    away = Failure(Reason.CONNECT, "refused")
    positions = [fail("one", ended=away) for _ in range(POLICY.consecutive_max)]
    assert positions[-1] is Position.OPEN


def test_so_many_callers_are_remembered_and_no_more() -> None:
    """Who is forgotten counts once more; who counted last is remembered."""
    callers = Callers(POLICY)
    assert all(callers.counts(number, NOW) for number in range(POLICY.callers_max + 1))
    assert not callers.counts(POLICY.callers_max, NOW)
    assert callers.counts(0, NOW)
