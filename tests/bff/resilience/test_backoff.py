"""One backoff for all retries: its bounds, and that every house takes it from one place."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.resilience.backoff import Backoff, BackoffPolicy, backoff_s

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
OWN = {
    "bff/resilience/backoff.py",
    # State machines with the wait in their state; and the shell's answer to browsers, which has a lower bound too.
    "bff/resilience/breaker.py",
    "bff/store/breaker.py",
    "shell/composition/retry_delay.py",
}


@given(
    initial_s=st.floats(0.01, 10),
    factor=st.floats(1, 1000),
    jitter=st.floats(0, 1),
    attempt=st.integers(-1, 10_000),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_wait_lies_between_its_bound_and_what_jitter_takes_off(
    initial_s: float, factor: float, jitter: float, attempt: int, chance: float
):
    """However long the outage, a wait is never longer than the bound and never shorter than its fixed share."""
    policy = BackoffPolicy(initial_s=initial_s, max_s=initial_s * factor, jitter=jitter)
    bound_s = min(initial_s * 2.0 ** min(max(attempt, 0), 40), policy.max_s)
    wait_s = backoff_s(policy, attempt, lambda: chance)
    assert bound_s * (1 - jitter) - 1e-9 <= wait_s <= bound_s + 1e-9


def test_failures_in_a_row_wait_twice_as_long_until_one_succeeds():
    """Without jitter: 1, 2, 4, 8, 8 s; after a success the first wait again."""
    backoff = Backoff(BackoffPolicy(initial_s=1.0, max_s=8.0, jitter=0.0))
    assert [backoff.next_s() for _ in range(5)] == [1, 2, 4, 8, 8]
    backoff.reset()
    assert backoff.next_s() == 1


@pytest.mark.parametrize(
    "numbers", [{"initial_s": 0, "max_s": 1}, {"initial_s": 2, "max_s": 1}, {"initial_s": 1, "max_s": 1, "jitter": 2}]
)
def test_numbers_that_are_no_backoff_are_refused(numbers: dict[str, float]):
    """At the start, in a sentence, and not by waiting for ever in an outage."""
    with pytest.raises(ValueError, match="is no backoff"):
        BackoffPolicy(**numbers)


def test_no_house_doubles_its_waits_by_itself():
    """A power of two that becomes a wait stands in the one place."""
    doubling = re.compile(r"2(\.0)?\s*\*\*\s*\(?(min|self|charge|failures|attempt)|min\(2 \* pause")
    found = {
        str(path.relative_to(ROOT))
        for room in ("bff", "shell", "fragments")
        for path in (ROOT / room).rglob("*.py")
        if doubling.search(path.read_text())
    }
    assert found - OWN == set()
