"""The circuit breaker of one upstream. A pure state machine: time and randomness are passed in, nothing is awaited.

Public: `Breaker`, `Permit`, `Position`, `Transition`.

    CLOSED     calls pass; too many failures open it
    OPEN       nothing passes until the next probe is due
    HALF_OPEN  one probe or trial at a time; enough successes close it, one failure opens it for longer
    FORCED     an operator holds it open; no probe is made

A probe is made in the background. Where none can be made, and after another process said that the upstream is well
again, the next call is let through as a trial.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, unique

from bff.resilience.policy import Policy
from bff.resilience.reason_properties import LATE
from bff.resilience.window import Window

_GOOD, _BAD = 0, 1


@unique
class Position(StrEnum):
    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"
    FORCED = "forced"


@dataclass(frozen=True, slots=True)
class Transition:
    """One state transition of the breaker of `upstream`. `cause` is a text for people."""

    upstream: str
    before: Position
    after: Position
    cause: str


class Permit:
    """The permit for one call. Ends exactly once: `success`, `failure` or `release`; a second end is a `RuntimeError`.
    The result of a permit from before the last transition is ignored.
    """

    __slots__ = ("_breaker", "_ended", "_generation", "trial")

    def __init__(self, breaker: "Breaker", generation: int, *, trial: bool) -> None:
        self._breaker = breaker
        self._generation = generation
        self._ended = False
        self.trial = trial

    def success(self, now: float) -> None:
        """The upstream answered in time, however slowly."""
        if self._end():
            self._breaker._succeeded(now, trial=self.trial)

    def failure(self, now: float, *, cause: str, retry_after_ms: int | None = None, at_once: bool = False) -> None:
        """The upstream failed; `at_once`: it asked for a pause of `retry_after_ms` itself."""
        if self._end():
            self._breaker._failed(now, cause, retry_after_ms, trial=self.trial, at_once=at_once)

    def release(self, now: float) -> None:
        """The call proved nothing: it was never made, was cancelled, or had no fair chance."""
        if self._end():
            self._breaker._released(now, trial=self.trial)

    def _end(self) -> bool:
        if self._ended:
            raise RuntimeError("this permit has ended already")
        self._ended = True
        self._breaker.permits_out -= 1
        return self._generation == self._breaker.generation

    def __repr__(self) -> str:
        return f"Permit(generation={self._generation}, trial={self.trial}, ended={self._ended})"


class Breaker:
    """The breaker of one upstream.

    `trials`: nobody probes in the background, so a call may serve as the probe. `chance()` is in [0, 1); `listener`
    hears every transition, at once.
    """

    def __init__(
        self,
        upstream: str,
        policy: Policy,
        *,
        trials: bool,
        chance: Callable[[], float],
        listener: Callable[[Transition], None],
    ) -> None:
        self.upstream = upstream
        self.position = Position.CLOSED
        self.generation = 0
        self.permits_out = 0
        # Whether it was opened, or kept open, by time-outs.
        self.late = False
        self._policy = policy
        self._trials = trials
        self._chance = chance
        self._listener = listener
        self._window = Window(policy.window_s, 2)
        self._consecutive = 0
        self._progress = 0
        self._openings = 0
        self._closed_at = -math.inf
        self._wanted = policy.closing_successes
        self._due_at = 0.0
        self._trial_out = False
        self._warned_until = 0.0
        self._peer_closed = False
        self._closed_before_hold = False

    # What may be done.

    def would_pass(self, now: float) -> bool:
        """Whether `acquire` would give leave at `now`."""
        return self.position is Position.CLOSED or self._may_try(now)

    def acquire(self, now: float) -> Permit | None:
        """Leave for a call, or None."""
        if self.position is Position.CLOSED:
            return self._permit(trial=False)
        return self._try() if self._may_try(now) else None

    def probe(self, now: float) -> Permit | None:
        """Leave for a probe, or None when none is due."""
        return self._try() if self.probe_due_ms(now) == 0 else None

    def probe_due_ms(self, now: float) -> int | None:
        """Milliseconds until a probe may be made; None while closed, forced, or waiting for one that is out."""
        if self._trial_out or self.position in (Position.CLOSED, Position.FORCED):
            return None
        return max(0, math.ceil((self._due_at - now) * 1000))

    def closes_ms(self, now: float) -> int | None:
        """Milliseconds until it may be closed again, if all goes well; None while closed or forced."""
        if self.position in (Position.CLOSED, Position.FORCED):
            return None
        due_ms = 0 if self._trial_out else max(0, math.ceil((self._due_at - now) * 1000))
        return due_ms + max(0, self._missing() - 1) * self._policy.probe_gap_ms

    def _may_try(self, now: float) -> bool:
        if self._trial_out or self.position in (Position.CLOSED, Position.FORCED):
            return False
        return self._peer_closed or (self._trials and now >= self._due_at)

    def _try(self) -> Permit:
        if self.position is Position.OPEN:
            self._move(Position.HALF_OPEN, "time to try again")
        self._trial_out = True
        return self._permit(trial=True)

    def interval_ms(self) -> int:
        """The least time between two probes at this stage: how long one process's probe stands for all."""
        return int(self._longest_ms() / 2)

    def postpone(self, now: float) -> None:
        """Another process's probe failed in this interval; wait as if it had been this process's."""
        self._openings += 1
        self._due_at = now + self._open_s()

    # What others say.

    def peer_opened(self, now: float) -> None:
        """Another process opened its breaker: fewer failures are enough here, for a while."""
        self._warned_until = now + self._policy.evidence_s_max

    def peer_closed(self) -> None:
        """Another process closed its breaker: the next call may try, and one success is enough.

        No probe is made for it, or each process of the fleet would send one.
        """
        if self.position in (Position.OPEN, Position.HALF_OPEN):
            self._peer_closed = True

    @property
    def held(self) -> bool:
        """Whether an operator holds it open."""
        return self.position is Position.FORCED

    def force_open(self) -> None:
        """An operator's word: nothing passes until `unforce`."""
        if self.position is not Position.FORCED:
            self._closed_before_hold = self.position is Position.CLOSED
            self._move(Position.FORCED, "held open by an operator")

    def unforce(self, now: float) -> None:
        """The operator lets go. An upstream that was well before is called as before; of one that was failing the next
        probe, due at once, decides."""
        if self.position is not Position.FORCED:
            return
        if self._closed_before_hold:
            self._move(Position.CLOSED, "no longer held open")
            return
        self._move(Position.OPEN, "no longer held open")
        self._due_at = now
        self._wanted = 1

    # How permits end.

    def _succeeded(self, now: float, *, trial: bool) -> None:
        if trial:
            self._trial_succeeded(now)
            return
        self._window.add(_GOOD, now)
        self._consecutive = 0

    def _trial_succeeded(self, now: float) -> None:
        self._trial_out = False
        self._progress += 1
        if self._missing() <= 0:
            self._closed_at = now
            self._move(Position.CLOSED, "the upstream is well")
            return
        self._due_at = now + self._policy.probe_gap_ms / 1000

    def _failed(self, now: float, cause: str, retry_after_ms: int | None, *, trial: bool, at_once: bool) -> None:
        if trial:
            self._open(now, cause, retry_after_ms)
            return
        self._window.add(_BAD, now)
        self._consecutive += 1
        if at_once and retry_after_ms:
            self._open(now, cause, retry_after_ms)
        else:
            self._open_if_bad(now, cause, retry_after_ms)

    def _released(self, now: float, *, trial: bool) -> None:
        if trial:
            self._trial_out = False
            self._due_at = now + self._policy.probe_gap_ms / 1000

    def _open_if_bad(self, now: float, cause: str, retry_after_ms: int | None = None) -> None:
        policy, warned = self._policy, now < self._warned_until
        good, bad = self._window.sums(now)
        enough = good + bad >= (policy.evidence_calls_min if warned else policy.calls_min)
        consecutive_max = policy.evidence_consecutive_max if warned else policy.consecutive_max
        if self._consecutive >= consecutive_max or (enough and bad >= policy.failed_ratio_max * (good + bad)):
            self._open(now, cause, retry_after_ms)

    def _open(self, now: float, cause: str, retry_after_ms: int | None) -> None:
        # A breaker that closed only a moment ago opens for longer: a flapping upstream must not make pages flap.
        if self.position is Position.CLOSED and now - self._closed_at > self._policy.window_s:
            self._openings = 0
        self._openings += 1
        self.late = cause in LATE
        self._move(Position.OPEN, cause)
        pause_s = min(retry_after_ms or 0, self._policy.retry_after_ms_max) / 1000
        # Where callers are the probes, each gap between two successes is a refusal to somebody: few have to do.
        few = pause_s or self._trials
        self._wanted = self._policy.closing_successes_few if few else self._policy.closing_successes
        self._due_at = now + max(self._open_s(), pause_s)

    def _missing(self) -> int:
        return (1 if self._peer_closed else self._wanted) - self._progress

    def _open_s(self) -> float:
        # Equal jitter: half of it stands, half is chance.
        return self._longest_ms() / 2000 * (1 + self._chance())

    def _longest_ms(self) -> float:
        policy = self._policy
        # Few doublings reach any cap; without the bound a long outage would overflow the float.
        return min(policy.open_ms_initial * policy.open_factor ** min(self._openings - 1, 32), policy.open_ms_max)

    def _permit(self, *, trial: bool) -> Permit:
        self.permits_out += 1
        return Permit(self, self.generation, trial=trial)

    def _move(self, after: Position, cause: str) -> None:
        before, self.position = self.position, after
        self.generation += 1
        self._window.clear()
        self._consecutive = 0
        self._progress = 0
        self._trial_out = False
        if after is not Position.HALF_OPEN:
            self._peer_closed = False
        self._listener(Transition(self.upstream, before, after, cause))
