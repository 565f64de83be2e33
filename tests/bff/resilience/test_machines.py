"""Breaker and retry budget against simple models, over random histories."""

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from bff.resilience.breaker import Breaker, Permit, Position, Transition
from bff.resilience.budget import RetryBudget
from bff.resilience.policy import Policy

pytestmark = pytest.mark.quick

POLICY = Policy(deadline_ms=1000)
ALLOWED = {
    (Position.CLOSED, Position.OPEN),
    (Position.OPEN, Position.HALF_OPEN),
    (Position.HALF_OPEN, Position.OPEN),
    (Position.HALF_OPEN, Position.CLOSED),
    (Position.CLOSED, Position.FORCED),
    (Position.OPEN, Position.FORCED),
    (Position.HALF_OPEN, Position.FORCED),
    (Position.FORCED, Position.OPEN),
    (Position.FORCED, Position.CLOSED),
}


class BreakerMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order, the breaker's promises hold."""

    permits = Bundle("permits")

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.transitions: list[Transition] = []
        self.out: set[Permit] = set()
        self.trials: set[Permit] = set()
        self.generation_of: dict[Permit, int] = {}
        self.opened_at = 0.0
        self.breaker = Breaker("any", POLICY, trials=False, chance=random.Random(7).random, listener=self.hear)

    def hear(self, transition: Transition) -> None:
        self.transitions.append(transition)
        if transition.after is Position.OPEN:
            self.opened_at = self.now

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.3, 1.0, 2.5, 8.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=permits, probe=st.booleans())
    def ask(self, probe: bool) -> object:
        would = self.breaker.would_pass(self.now)
        due = self.breaker.probe_due_ms(self.now) == 0
        permit = self.breaker.probe(self.now) if probe else self.breaker.acquire(self.now)
        assert (permit is not None) == (due if probe else would)
        if permit is None:
            return multiple()
        self.out.add(permit)
        self.generation_of[permit] = self.breaker.generation
        if permit.trial:
            self.trials.add(permit)
        return permit

    @rule(permit=permits, end=st.sampled_from(["success", "failure", "pause", "release"]))
    def end(self, permit: Permit, end: str) -> None:
        if permit not in self.out:
            return
        before, row = self.breaker.position, len(self.transitions)
        current = self.generation_of[permit] == self.breaker.generation
        self.out.discard(permit)
        self.trials.discard(permit)
        if end == "failure":
            permit.failure(self.now, cause="timeout")
        elif end == "pause":
            permit.failure(self.now, cause="upstream_error", retry_after_ms=60_000, at_once=True)
        elif end == "release":
            permit.release(self.now)
        else:
            permit.success(self.now)
        if not current or end == "release":
            assert (self.breaker.position, len(self.transitions)) == (before, row)

    @rule()
    def evidence_of_opening(self) -> None:
        before = self.breaker.position
        self.breaker.peer_opened(self.now)
        assert self.breaker.position is before

    @rule()
    def evidence_of_closing(self) -> None:
        before = self.breaker.position
        self.breaker.peer_closed()
        assert self.breaker.position is before

    @rule()
    def postponed(self) -> None:
        if self.breaker.position is Position.OPEN:
            self.opened_at = self.now
            self.breaker.postpone(self.now)

    @rule(force=st.booleans())
    def operator(self, force: bool) -> None:
        if force:
            self.breaker.force_open()
        else:
            self.breaker.unforce(self.now)

    @invariant()
    def every_permit_is_accounted_for(self) -> None:
        assert self.breaker.permits_out == len(self.out)

    @invariant()
    def one_trial_of_this_generation_at_most(self) -> None:
        current = [permit for permit in self.trials if self.generation_of[permit] == self.breaker.generation]
        assert len(current) <= 1

    @invariant()
    def transitions_are_allowed_and_joined(self) -> None:
        assert all((each.before, each.after) in ALLOWED for each in self.transitions)
        assert all(
            first.after is second.before for first, second in zip(self.transitions, self.transitions[1:], strict=False)
        )

    @invariant()
    def an_open_breaker_is_probed_within_its_longest_pause(self) -> None:
        if self.breaker.position is Position.OPEN:
            due_ms = self.breaker.probe_due_ms(self.now)
            assert due_ms is not None
            longest_ms = max(POLICY.open_ms_max, POLICY.retry_after_ms_max)
            assert due_ms <= max(0.0, (self.opened_at - self.now) * 1000 + longest_ms + 1)

    @invariant()
    def forced_and_open_let_no_call_through_that_nobody_vouched_for(self) -> None:
        if self.breaker.position is Position.FORCED:
            assert not self.breaker.would_pass(self.now)
            assert self.breaker.probe_due_ms(self.now) is None


class BudgetMachine(RuleBasedStateMachine):
    """However calls and retries fall, retries stay within their share."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.calls: list[float] = []
        self.retries: list[float] = []
        self.budget = RetryBudget(ratio=0.1, window_s=10.0, spare=3)

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 3.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(times=st.integers(1, 30))
    def calls_are_made(self, times: int) -> None:
        for _ in range(times):
            self.budget.called(self.now)
            self.calls.append(self.now)

    @rule()
    def a_retry_is_wanted(self) -> None:
        # The window drops slices of a second, so it spans between 9 and 10 seconds.
        surely = self._since(self.calls, 9.0) * 0.1 + 3 - self._since(self.retries, 10.0) >= 1
        may = self._since(self.calls, 10.0) * 0.1 + 3 - self._since(self.retries, 9.0) >= 1
        given = self.budget.take(self.now)
        assert surely <= given <= may
        if given:
            self.retries.append(self.now)

    def _since(self, times: list[float], seconds: float) -> int:
        return sum(at > self.now - seconds for at in times)


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
TestBudgetMachine = BudgetMachine.TestCase
TestBudgetMachine.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)


def test_retries_are_a_share_of_the_calls() -> None:
    """Ten in a hundred, and three to begin with."""
    budget = RetryBudget(ratio=0.1, window_s=10.0, spare=3)
    for _ in range(100):
        budget.called(1.0)
    assert sum(budget.take(1.0) for _ in range(100)) == 13
    assert sum(budget.take(12.0) for _ in range(100)) == 3
