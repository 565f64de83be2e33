"""The store's decisions without a store: freshness by age, and when to stop calling."""

import pytest

from bff.store.breaker import StoreBreaker
from bff.store.policy import FeedPolicy, StorePolicy
from bff.store.records import check_epoch, check_topic, decide_state

pytestmark = pytest.mark.quick

POLICY = FeedPolicy(stale_after_s=6, down_after_s=12)


@pytest.mark.parametrize(
    ("reported", "age_s", "state"),
    [
        ("live", 0.0, "live"),
        ("live", 5.999, "live"),
        ("live", 6.0, "stale"),
        ("live", 12.0, "down"),
        ("live", None, "down"),
        ("stale", 0.0, "stale"),
        ("stale", 12.0, "down"),
        ("down", 0.0, "down"),
    ],
)
def test_state_is_the_worse_of_report_and_age(reported, age_s, state):
    """An adapter may say worse than the silence, never better."""
    assert decide_state(reported, age_s, POLICY) == state


def test_breaker_opens_after_failures_in_a_row_and_lets_one_trial_through_an_interval():
    """An open breaker costs the store one call an interval, not one a request."""
    breaker = StoreBreaker(StorePolicy(breaker_failures=3, breaker_open_ms=250))
    for now in (0.0, 0.1, 0.2):
        assert breaker.allows(now)
        breaker.failed(now)
    assert not breaker.allows(0.3)
    assert breaker.allows(0.46)
    assert not breaker.allows(0.46), "the trial is one call"


def test_breaker_backs_off_to_its_limit_and_closes_on_the_first_success():
    """However long the outage, a trial is never more than the limit away, and one success ends it."""
    breaker = StoreBreaker(StorePolicy(breaker_failures=1, breaker_open_ms=250, breaker_open_ms_max=1000))
    now = 0.0
    for _ in range(6):
        breaker.failed(now)
        now += 1.0
        assert breaker.allows(now)
    breaker.succeeded()
    assert repr(breaker) == "<StoreBreaker closed failures=0>"
    assert breaker.allows(now)


def test_cancelled_trial_does_not_keep_the_breaker_open_for_ever():
    """A trial that reports nothing is followed by the next one when it is due."""
    breaker = StoreBreaker(StorePolicy(breaker_failures=1, breaker_open_ms=250))
    breaker.failed(0.0)
    assert breaker.allows(0.3)
    assert not breaker.allows(0.5)
    assert breaker.allows(0.6)


@pytest.mark.parametrize("topic", ["", 'a"b', "a b", "a\n", "x" * 201, "tables.*", "ä"])
def test_topic_that_could_break_a_message_is_refused(topic):
    """Topics become keys, channels and JSON, so nothing that needs escaping passes."""
    with pytest.raises(ValueError, match="topic"):
        check_topic(topic)


def test_epoch_without_a_colon_only():
    """`<epoch>:<n>` on the wire must stay readable."""
    with pytest.raises(ValueError, match="epoch"):
        check_epoch("a:b")
