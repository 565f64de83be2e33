"""The breaker's decisions, with a clock that the tests set."""

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from bff.resilience.breaker import Breaker, Permit, Position, Transition
from bff.resilience.policy import Policy

pytestmark = pytest.mark.quick

POLICY = Policy(deadline_ms=1000)


class Bench:
    """A breaker, its clock, and its published transitions."""

    def __init__(
        self, policy: Policy = POLICY, *, trials: bool = False, chance: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.now = 100.0
        self.transitions: list[Transition] = []
        self.breaker = Breaker("wallet", policy, trials=trials, chance=chance, listener=self.transitions.append)

    def pass_s(self, seconds: float) -> None:
        self.now += seconds

    def permit(self) -> Permit:
        permit = self.breaker.acquire(self.now)
        assert permit is not None
        return permit

    def probe(self) -> Permit:
        permit = self.breaker.probe(self.now)
        assert permit is not None
        return permit

    def succeed(self, times: int = 1) -> None:
        for _ in range(times):
            self.permit().success(self.now)

    def fail(self, times: int = 1, **more: Any) -> None:
        for _ in range(times):
            self.permit().failure(self.now, cause="timeout", **more)

    def open(self) -> None:
        self.fail(POLICY.consecutive_max)
        assert self.position is Position.OPEN

    def heal(self, successes: int = POLICY.closing_successes) -> None:
        for _ in range(successes):
            assert self.position is not Position.CLOSED
            self.pass_s(self.due_ms() / 1000)
            self.probe().success(self.now)
        assert self.position is Position.CLOSED

    def due_ms(self) -> int:
        due_ms = self.breaker.probe_due_ms(self.now)
        assert due_ms is not None
        return due_ms

    @property
    def position(self) -> Position:
        return self.breaker.position


def test_five_in_a_row_open_it() -> None:
    """Consecutive failures need no window to be convincing."""
    bench = Bench()
    bench.fail(4)
    assert bench.position is Position.CLOSED
    bench.fail()
    assert bench.position is Position.OPEN
    assert bench.transitions == [Transition("wallet", Position.CLOSED, Position.OPEN, "timeout")]
    assert bench.breaker.acquire(bench.now) is None
    assert not bench.breaker.would_pass(bench.now)


def test_a_success_in_between_starts_the_row_again() -> None:
    """Four, one good, four: closed."""
    bench = Bench()
    bench.fail(4)
    bench.succeed()
    bench.fail(4)
    assert bench.position is Position.CLOSED


def test_half_of_twenty_opens_it() -> None:
    """The share counts only once there are enough calls to take a share of."""
    bench = Bench()
    for _ in range(9):
        bench.fail()
        bench.succeed()
    bench.succeed()
    assert bench.position is Position.CLOSED
    bench.fail()
    assert bench.position is Position.OPEN


@pytest.mark.parametrize(("cause", "late"), [("timeout", True), ("connect_timeout", True), ("connect", False)])
def test_it_knows_whether_it_is_open_because_answers_were_late(cause: str, late: bool) -> None:
    """What was met last counts, also by a trial."""
    bench = Bench()
    bench.open()
    bench.pass_s(1)
    bench.probe().failure(bench.now, cause=cause)
    assert bench.breaker.late is late


def test_what_is_older_than_the_window_is_forgotten() -> None:
    """Old failures do not add to today's."""
    bench = Bench()
    for _ in range(9):
        bench.fail()
        bench.succeed()
    bench.pass_s(POLICY.window_s + 1)
    bench.fail()
    bench.succeed()
    assert bench.position is Position.CLOSED


def test_open_time_doubles_to_its_cap() -> None:
    """2, 3, 3 seconds; equal jitter keeps half of each at least."""
    for chance, share in ((0.0, 0.5), (0.999, 1.0)):
        bench = Bench(chance=lambda: chance)  # noqa: B023  used within this round only
        bench.open()
        for longest_ms in (2000, POLICY.open_ms_max, POLICY.open_ms_max):
            assert bench.due_ms() == pytest.approx(longest_ms * share, rel=0.01)
            assert bench.breaker.interval_ms() == longest_ms / 2
            bench.pass_s(bench.due_ms() / 1000)
            bench.probe().failure(bench.now, cause="timeout")


def test_a_long_outage_overflows_nothing() -> None:
    """A thousand failed probes wait no longer than the cap."""
    bench = Bench()
    bench.open()
    for _ in range(1000):
        bench.pass_s(bench.due_ms() / 1000)
        bench.probe().failure(bench.now, cause="connect")
    assert bench.due_ms() == POLICY.open_ms_max / 2


def test_successes_over_a_second_close_it() -> None:
    """One good probe may be luck; others follow soon, for longer than an upstream stays up that flaps by the second."""
    bench = Bench()
    bench.open()
    opened = bench.now
    bench.pass_s(1)
    for _ in range(POLICY.closing_successes - 1):
        bench.probe().success(bench.now)
        assert bench.position is Position.HALF_OPEN
        assert bench.breaker.probe(bench.now) is None
        assert bench.due_ms() == POLICY.probe_gap_ms
        bench.pass_s(POLICY.probe_gap_ms / 1000)
    assert bench.now - opened >= 2
    bench.probe().success(bench.now)
    assert bench.position is Position.CLOSED
    bench.succeed()


def test_one_probe_at_a_time() -> None:
    """While one is out nobody else may ask, and nothing is due."""
    bench = Bench()
    bench.open()
    bench.pass_s(10)
    bench.probe()
    assert bench.breaker.probe(bench.now) is None
    assert bench.breaker.probe_due_ms(bench.now) is None


def test_a_failed_probe_opens_it_again() -> None:
    """Half open, one failure is enough."""
    bench = Bench()
    bench.open()
    bench.pass_s(1)
    bench.probe().failure(bench.now, cause="timeout")
    assert bench.position is Position.OPEN
    assert bench.due_ms() == POLICY.open_ms_max / 2


def test_cancelled_probe_releases_permit() -> None:
    """A probe that proved nothing leaves the breaker as it was; the next is due after a short while."""
    bench = Bench()
    bench.open()
    bench.pass_s(1)
    bench.probe().release(bench.now)
    assert bench.position is Position.HALF_OPEN
    assert bench.breaker.permits_out == 0
    assert bench.due_ms() == POLICY.probe_gap_ms


def test_released_calls_prove_nothing() -> None:
    """A caller that left is neither success nor failure."""
    bench = Bench()
    bench.fail(4)
    for _ in range(50):
        bench.permit().release(bench.now)
    bench.fail()
    assert bench.position is Position.OPEN


def test_a_permit_ends_once() -> None:
    """A second end is a mistake in the caller, said loudly."""
    bench = Bench()
    permit = bench.permit()
    assert repr(permit) == "Permit(generation=0, trial=False, ended=False)"
    permit.release(bench.now)
    for end in (
        lambda: permit.release(bench.now),
        lambda: permit.success(bench.now),
        lambda: permit.failure(bench.now, cause="late"),
    ):
        with pytest.raises(RuntimeError, match="ended already"):
            end()
    assert bench.breaker.permits_out == 0


def test_a_permit_of_an_older_generation_proves_nothing() -> None:
    """What was sent before the breaker moved says nothing about the upstream since."""
    bench = Bench()
    old = [bench.permit() for _ in range(20)]
    bench.open()
    bench.heal()
    for permit in old:
        permit.failure(bench.now, cause="timeout")
    assert bench.position is Position.CLOSED
    assert bench.breaker.permits_out == 0


def test_retry_after_lengthens_the_pause_up_to_its_cap() -> None:
    """The upstream may ask for a longer pause than ours, never for a shorter one or one beyond 8 s."""
    for retry_after_ms, due_ms in ((5000, 5000), (60_000, 8000), (10, 1000), (0, 1000)):
        bench = Bench()
        bench.fail(5, retry_after_ms=retry_after_ms)
        assert bench.due_ms() == due_ms


def test_an_upstream_that_asks_for_a_pause_gets_it_at_once() -> None:
    """One answer is enough when it is the upstream's own word; a pause of 0 asks for nothing."""
    bench = Bench()
    bench.permit().failure(bench.now, cause="upstream_error", retry_after_ms=0, at_once=True)
    assert bench.position is Position.CLOSED
    bench.permit().failure(bench.now, cause="upstream_error", retry_after_ms=3000, at_once=True)
    assert (bench.position, bench.due_ms()) == (Position.OPEN, 3000)


def test_without_background_probes_the_next_call_is_the_trial() -> None:
    """Where nobody probes, one call at a time finds out."""
    bench = Bench(trials=True)
    bench.open()
    assert bench.breaker.acquire(bench.now) is None
    bench.pass_s(1)
    assert bench.breaker.would_pass(bench.now)
    trial = bench.permit()
    assert trial.trial
    assert not bench.breaker.would_pass(bench.now)
    trial.success(bench.now)
    for _ in range(POLICY.closing_successes_few - 1):
        assert bench.position is Position.HALF_OPEN
        bench.pass_s(POLICY.probe_gap_ms / 1000)
        bench.succeed()
    assert bench.position is Position.CLOSED


def test_with_background_probes_no_call_is_a_trial() -> None:
    """No player pays for finding out."""
    bench = Bench()
    bench.open()
    bench.pass_s(60)
    assert bench.breaker.acquire(bench.now) is None
    assert not bench.breaker.would_pass(bench.now)


def test_evidence_lowers_the_threshold_for_a_while() -> None:
    """When another process opened, two in a row are enough here; later five are needed again."""
    bench = Bench()
    bench.breaker.peer_opened(bench.now)
    bench.fail()
    assert bench.position is Position.CLOSED
    bench.fail()
    assert bench.position is Position.OPEN

    later = Bench()
    later.breaker.peer_opened(later.now)
    later.pass_s(POLICY.evidence_s_max)
    later.fail(4)
    assert later.position is Position.CLOSED


def test_evidence_lowers_the_calls_that_make_a_share() -> None:
    """Under evidence five calls, half of them bad, are enough."""
    bench = Bench()
    bench.breaker.peer_opened(bench.now)
    for _ in range(2):
        bench.fail()
        bench.succeed()
    assert bench.position is Position.CLOSED
    bench.fail()
    assert bench.position is Position.OPEN


def test_evidence_is_no_verdict() -> None:
    """Another process's opening alone opens nothing."""
    bench = Bench()
    for _ in range(100):
        bench.breaker.peer_opened(bench.now)
    bench.succeed(100)
    assert bench.transitions == []


def test_one_trial_closes_it_when_another_process_has_closed() -> None:
    """The next call may try at once, and one success is enough; no probe is sent for it."""
    bench = Bench()
    bench.open()
    bench.breaker.peer_closed()
    assert bench.due_ms() > 0
    trial = bench.permit()
    assert bench.breaker.acquire(bench.now) is None
    trial.success(bench.now)
    assert bench.position is Position.CLOSED


def test_a_failed_trial_forgets_what_the_other_process_said() -> None:
    """The upstream may be well for others only."""
    bench = Bench()
    bench.open()
    bench.breaker.peer_closed()
    bench.fail()
    assert bench.position is Position.OPEN
    assert bench.breaker.acquire(bench.now) is None


def test_a_closed_breaker_has_nothing_to_hear_of_closing() -> None:
    """Another's closing changes nothing here when nothing is open."""
    bench = Bench()
    bench.breaker.peer_closed()
    bench.open()
    assert bench.breaker.acquire(bench.now) is None


def test_another_process_probes_in_this_interval() -> None:
    """A postponed probe waits as if it had been made in vain."""
    bench = Bench()
    bench.open()
    bench.pass_s(1)
    bench.breaker.postpone(bench.now)
    assert bench.position is Position.OPEN
    assert bench.due_ms() == POLICY.open_ms_max / 2


def test_forced_open_passes_nothing_until_the_operator_lets_go() -> None:
    """No call, no probe, no evidence gets through; after it all is as before, and the next call is made."""
    bench = Bench()
    out = bench.permit()
    bench.breaker.force_open()
    bench.breaker.force_open()
    bench.breaker.peer_closed()
    bench.pass_s(3600)
    assert bench.position is Position.FORCED
    assert bench.breaker.acquire(bench.now) is None
    assert bench.breaker.probe(bench.now) is None
    assert bench.breaker.probe_due_ms(bench.now) is None
    out.success(bench.now)
    bench.breaker.unforce(bench.now)
    bench.breaker.unforce(bench.now)
    assert bench.position is Position.CLOSED
    assert len(bench.transitions) == 2
    bench.succeed(64)


def test_one_that_is_let_go_opens_as_ever() -> None:
    """A stumble of the first moment does not shut it again; an outage does."""
    bench = Bench()
    bench.breaker.force_open()
    bench.breaker.unforce(bench.now)
    bench.fail(POLICY.consecutive_max - 1)
    assert bench.position is Position.CLOSED
    bench.fail()
    assert bench.position is Position.OPEN


@pytest.mark.parametrize("probing", [False, True], ids=["open", "half open"])
def test_one_that_was_failing_before_the_hold_is_probed_first(probing: bool) -> None:
    """What it earned before stands: a probe is due at once, and one good probe decides."""
    bench = Bench()
    bench.open()
    if probing:
        bench.pass_s(bench.due_ms() / 1000)
        bench.probe()
    bench.breaker.force_open()
    bench.pass_s(3600)
    bench.breaker.unforce(bench.now)
    assert (bench.position, bench.due_ms()) == (Position.OPEN, 0)
    assert bench.breaker.acquire(bench.now) is None
    bench.probe().success(bench.now)
    assert bench.position is Position.CLOSED


def test_one_that_has_hardly_closed_opens_for_longer() -> None:
    """A flapping upstream does not make pages flap; after a calm window the first pause is short again."""
    bench = Bench()
    bench.open()
    first = bench.due_ms()
    bench.heal()
    bench.open()
    assert bench.due_ms() == POLICY.open_ms_max / 2 > first
    bench.heal()
    bench.pass_s(POLICY.window_s + 1)
    bench.open()
    assert bench.due_ms() == first


@pytest.mark.parametrize("seed", range(5))
def test_flapping_by_the_second_does_not_fool_it(seed: int) -> None:
    """1 s up, 1 s down, fifty calls a second: once open it stays open until that ends."""
    bench = Bench(chance=random.Random(seed).random)
    calm_from = 380.0
    closings: list[float] = []
    while bench.now < 400:
        before = bench.position
        permit = bench.breaker.probe(bench.now) or bench.breaker.acquire(bench.now)
        if permit and (math.floor(bench.now) % 2 == 0 or bench.now > calm_from):
            permit.success(bench.now)
        elif permit:
            permit.failure(bench.now, cause="upstream_error")
        if before is not Position.CLOSED and bench.position is Position.CLOSED:
            closings.append(bench.now)
        bench.pass_s(0.02)
    (last,) = closings
    assert calm_from < last < calm_from + 10


def test_it_says_when_it_may_be_closed_again() -> None:
    """The pause, and the gaps between the successes that it still wants; nothing while closed or held open."""
    bench = Bench()
    assert bench.breaker.closes_ms(bench.now) is None
    bench.open()
    gaps = POLICY.closing_successes - 1
    assert bench.breaker.closes_ms(bench.now) == bench.due_ms() + gaps * POLICY.probe_gap_ms
    bench.pass_s(bench.due_ms() / 1000)
    probe = bench.breaker.probe(bench.now)
    assert bench.breaker.closes_ms(bench.now) == gaps * POLICY.probe_gap_ms
    probe.success(bench.now)
    assert bench.breaker.closes_ms(bench.now) == gaps * POLICY.probe_gap_ms
    bench.breaker.peer_closed()
    bench.pass_s(POLICY.probe_gap_ms / 1000)
    assert bench.breaker.closes_ms(bench.now) == 0
    bench.breaker.force_open()
    assert bench.breaker.closes_ms(bench.now) is None
