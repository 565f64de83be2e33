"""A token bucket: a rate limit with bursts.

Public: `TokenBucket`.
"""


class TokenBucket:
    """A token bucket: `burst` at once, then `per_s`. Pure; seconds of a monotonic clock are passed in."""

    __slots__ = ("_at", "_burst", "_left", "_per_s")

    def __init__(self, burst: int, per_s: float, now: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._left = float(burst)
        self._at = now

    def spend(self, now: float) -> bool:
        """Take one; False when there is none left."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
