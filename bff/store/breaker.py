"""Whether it is worth asking the store at all.

Public: `StoreBreaker`.
Smaller than the guard's breaker on purpose: the store is one hop away, fails as a whole, and is asked so often
that consecutive failures say enough. Pure: seconds of a monotonic clock are passed in.
"""

from bff.store.policy import StorePolicy


class StoreBreaker:
    """Open after `breaker_failures` in a row; then one call an interval goes through, the rest are refused at once."""

    def __init__(self, policy: StorePolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._open_until = 0.0
        self._open_ms = policy.breaker_open_ms

    def __repr__(self) -> str:
        return f"<StoreBreaker {'open' if self.is_open else 'closed'} failures={self._failures}>"

    @property
    def is_open(self) -> bool:
        return self._failures >= self._policy.breaker_failures

    def allows(self, now: float) -> bool:
        """Whether a call may go now. An open breaker grants one trial and pushes the next one an interval away."""
        if not self.is_open:
            return True
        if now < self._open_until:
            return False
        # A trial that is cancelled reports nothing; the next one is due by the clock all the same.
        self._open_until = now + self._open_ms / 1000
        return True

    def succeeded(self) -> None:
        self._failures = 0
        self._open_ms = self._policy.breaker_open_ms

    def failed(self, now: float) -> None:
        was_open = self.is_open
        self._failures += 1
        if was_open:
            self._open_ms = min(self._open_ms * 2, self._policy.breaker_open_ms_max)
        if self.is_open:
            self._open_until = now + self._open_ms / 1000
