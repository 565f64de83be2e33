"""Counts over the last seconds, forgotten a slice at a time.

Public: `Window`.
"""

SLICES = 10


class Window:
    """Named counts over the last `span_s` seconds, in ten slices; `now` is passed in and never goes back."""

    def __init__(self, span_s: float, counts: int) -> None:
        self._slice_s = span_s / SLICES
        self._counts = counts
        self._slices = [[0] * counts for _ in range(SLICES)]
        self._sums = [0] * counts
        self._latest = 0

    def add(self, count: int, now: float) -> None:
        """One more of `count` at `now`."""
        self._roll(now)
        self._slices[self._latest % SLICES][count] += 1
        self._sums[count] += 1

    def sums(self, now: float) -> tuple[int, ...]:
        """Every count's sum over the window that ends at `now`."""
        self._roll(now)
        return tuple(self._sums)

    def clear(self) -> None:
        """Forget everything."""
        self._slices = [[0] * self._counts for _ in range(SLICES)]
        self._sums = [0] * self._counts

    def _roll(self, now: float) -> None:
        current = int(now / self._slice_s)
        for number in range(self._latest + 1, min(current, self._latest + SLICES) + 1):
            old = self._slices[number % SLICES]
            for count in range(self._counts):
                self._sums[count] -= old[count]
                old[count] = 0
        self._latest = max(self._latest, current)
