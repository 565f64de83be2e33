"""The moment by which an answer must be whole.

Public: `Deadline`.
"""

import msgspec


class Deadline(msgspec.Struct, frozen=True):
    """`expires_at` in seconds on the monotonic clock of this process; on the wire only what remains travels."""

    expires_at: float

    @classmethod
    def after_ms(cls, now: float, ms: float) -> "Deadline":
        """The deadline `ms` milliseconds from `now` (monotonic seconds)."""
        return cls(now + ms / 1000)

    def remaining_ms(self, now: float) -> int:
        """Whole milliseconds left at `now`, never below 0."""
        return max(0, int((self.expires_at - now) * 1000))

    def within(self, now: float, ms: float) -> "Deadline":
        """The earlier of this deadline and `ms` milliseconds from `now`: a part never outlives its whole."""
        return Deadline(min(self.expires_at, now + ms / 1000))
