"""How many retries may be made: a share of the calls, so that retries can not multiply an upstream's trouble.

Public: `RetryBudget`.
"""

from bff.resilience.window import Window

_CALLS, _RETRIES = 0, 1


class RetryBudget:
    """Over the last `window_s` seconds: at most `spare` retries and `ratio` of the calls. Pure; time is passed in."""

    def __init__(self, *, ratio: float, window_s: float, spare: int) -> None:
        self._ratio = ratio
        self._spare = spare
        self._window = Window(window_s, 2)

    def called(self, now: float) -> None:
        """A first attempt was made."""
        self._window.add(_CALLS, now)

    def take(self, now: float) -> bool:
        """Whether one retry may be made; if so it is counted."""
        calls, retries = self._window.sums(now)
        if retries + 1 > self._spare + self._ratio * calls:
            return False
        self._window.add(_RETRIES, now)
        return True
