"""How near to its limit an upstream answers. Pure; time is passed in.

Public: `Pace`.

An answer in time is an answer. One that comes late in its time, or not in time, says that the next may come a little
too late, so those get `patience_ms` more, where their callers have it. Where even that is hardly enough, answers and
time-outs take turns, and what a page shows would change with each: they straddle the limit, and it is better to stay
away until they do not.
"""

from collections import deque

from bff.resilience.policy import Policy


class Pace:
    """The pace of one upstream. Milliseconds are those of one attempt, of which a time-out had all."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._utmost_ms = policy.deadline_ms + policy.patience_ms
        self._slow_until = 0.0
        self._latest = 0.0
        # Whether each was too late, since the last that was comfortably in time.
        self._near: deque[bool] = deque(maxlen=policy.calls_min)

    def limit_ms(self, now: float) -> int:
        """How long an answer is waited for."""
        return self._utmost_ms if self.slow(now) else self._policy.deadline_ms

    def slow(self, now: float) -> bool:
        """Whether an answer of the last seconds came late in its time, or not in time."""
        return now < self._slow_until

    def answered(self, took_ms: float, now: float) -> bool:
        """An answer came in time; whether hardly so."""
        self._note_slow(took_ms, now)
        if took_ms <= self._utmost_ms * self._policy.near_ratio:
            self._near.clear()
            return False
        self._note(late=False, now=now)
        return True

    def timed_out(self, given_ms: float, now: float) -> bool:
        """No answer came within `given_ms`; whether that was all the time there is, or nearly."""
        self._note_slow(given_ms, now)
        if given_ms <= self._utmost_ms * self._policy.near_ratio:
            return False
        self._note(late=True, now=now)
        return True

    def straddles(self) -> bool:
        """Whether answers come now just in time, now just too late."""
        late = sum(self._near)
        return late < len(self._near) and late >= len(self._near) * self._policy.straddling_ratio_min

    def _note_slow(self, ms: float, now: float) -> None:
        if ms > self._policy.deadline_ms * self._policy.near_ratio:
            self._slow_until = now + self._policy.window_s

    def _note(self, *, late: bool, now: float) -> None:
        if now - self._latest > self._policy.window_s:
            self._near.clear()
        self._latest = now
        self._near.append(late)
