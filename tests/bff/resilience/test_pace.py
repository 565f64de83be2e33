"""How near to its limit an upstream answers, on a clock that the tests hold."""

import pytest

from bff.resilience.pace import Pace
from bff.resilience.policy import Policy

pytestmark = pytest.mark.quick

POLICY = Policy(deadline_ms=250, patience_ms=150)
NOW = 100.0


def test_an_answer_late_in_its_time_gives_the_next_more() -> None:
    """For as long as such answers come; a quick upstream gets what the policy says."""
    pace = Pace(POLICY)
    pace.answered(200, NOW)
    assert pace.limit_ms(NOW) == 250
    pace.answered(201, NOW)
    assert (pace.limit_ms(NOW), pace.slow(NOW)) == (400, True)
    assert pace.limit_ms(NOW + POLICY.window_s) == 250


def test_one_that_was_too_late_gives_the_next_more() -> None:
    """It may have been a little too late only; a call whose caller had little time says nothing."""
    pace = Pace(POLICY)
    pace.timed_out(200, NOW)
    assert pace.limit_ms(NOW) == 250
    pace.timed_out(250, NOW)
    assert pace.limit_ms(NOW) == 400


def test_near_is_near_to_all_the_time_there_is() -> None:
    """While there is more to give, nothing is near the limit."""
    pace = Pace(POLICY)
    assert not pace.answered(320, NOW)
    assert pace.answered(321, NOW)


def test_answers_now_in_time_now_too_late_straddle_the_limit() -> None:
    """One of five is enough; too late every time is an outage like any other, and so is a hang after quick answers."""
    pace = Pace(POLICY)
    assert pace.timed_out(400, NOW)
    assert not pace.straddles()
    pace.answered(350, NOW)
    assert pace.straddles()
    pace.answered(20, NOW)
    assert not pace.straddles()
    pace.timed_out(400, NOW)
    assert not pace.straddles()
    for _ in range(4):
        pace.answered(350, NOW)
    assert pace.straddles()
    pace.answered(350, NOW)
    assert not pace.straddles()


def test_a_time_out_of_a_call_that_had_less_says_nothing() -> None:
    """Its caller had no more time to give."""
    pace = Pace(POLICY)
    pace.answered(350, NOW)
    assert not pace.timed_out(320, NOW)


def test_what_was_near_long_ago_is_forgotten() -> None:
    """A time-out after a quiet hour is no straddling."""
    pace = Pace(POLICY)
    pace.answered(350, NOW)
    pace.timed_out(400, NOW + 3600)
    assert not pace.straddles()
