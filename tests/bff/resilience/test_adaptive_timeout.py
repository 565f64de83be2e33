"""How near to its limit an upstream answers, with a clock that the tests set."""

import pytest

from bff.resilience.adaptive_timeout import AdaptiveTimeout
from bff.resilience.policy import Policy

pytestmark = pytest.mark.quick

POLICY = Policy(deadline_ms=250, patience_ms=150)
NOW = 100.0


def test_an_answer_late_in_its_time_gives_the_next_more() -> None:
    """For as long as such answers come; a quick upstream gets what the policy says."""
    pace = AdaptiveTimeout(POLICY)
    pace.took(200, NOW)
    assert (pace.limit_ms(NOW), pace.slow(NOW)) == (250, False)
    pace.took(201, NOW)
    assert (pace.limit_ms(NOW), pace.slow(NOW)) == (400, True)
    assert pace.limit_ms(NOW + POLICY.window_s) == 250


def test_one_that_was_too_late_gives_the_next_more() -> None:
    """It may have been a little too late only."""
    pace = AdaptiveTimeout(POLICY)
    pace.took(250, NOW)
    assert pace.limit_ms(NOW) == 400
