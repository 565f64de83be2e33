"""How near to its limit an upstream answers. Pure; time is passed in.

Public: `Pace`.

An answer in time is an answer. One that comes late in its time, or not in time, says that the next may come a little
too late, so those get `patience_ms` more, where their callers have it.
"""

from bff.resilience.policy import Policy


class Pace:
    """The pace of one upstream. Milliseconds are those of one attempt, of which a time-out had all."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._slow_until = 0.0

    def limit_ms(self, now: float) -> int:
        """How long an answer is waited for."""
        if self._policy.cold_ms_max:
            return self._policy.cold_ms_max
        return self._policy.deadline_ms + (self._policy.patience_ms if self.slow(now) else 0)

    def slow(self, now: float) -> bool:
        """Whether an answer of the last seconds came late in its time, or not in time."""
        return now < self._slow_until

    def took(self, ms: float, now: float) -> None:
        """An answer came after so long, or none did."""
        limit_ms = self._policy.cold_ms_max or self._policy.deadline_ms
        if ms > limit_ms * self._policy.near_ratio:
            self._slow_until = now + self._policy.window_s
