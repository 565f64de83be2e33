"""A time-out that grows while an upstream answers near to its limit. Pure; time is passed in.

Public: `AdaptiveTimeout`.

After an answer that came near to its limit, or too late, the next ones may come a little too late as well: these get
`patience_ms` more, where their callers have that time left.
"""

from bff.resilience.policy import Policy


class AdaptiveTimeout:
    """The time-out of one upstream, in milliseconds of one attempt; a time-out counts as all of them."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._slow_until = 0.0

    def limit_ms(self, now: float) -> int:
        """The time-out at this moment."""
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
