"""The sandbox's clock: real time, until a test holds it.

Public: `SandboxClock`, `STEP_S_MAX`.
"""

import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise

STEP_S_MAX = 6 * 3600.0
_TURNS_MAX = 64  # orders remembered; what was shown before them is told as if there had been none


class SandboxClock:
    """Unix seconds that run, stand still while held, and can be stepped ahead; they never go back."""

    def __init__(
        self,
        start: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
        self._real = wall() - monotonic()
        self._since = monotonic()
        self._at = self._real + self._since if start is None else start
        self.held = False
        # (shown, real, held) from each order on
        self._turns = deque([(self._at, self._real + self._since, False)], maxlen=_TURNS_MAX)

    def __repr__(self) -> str:
        return f"<SandboxClock {'held' if self.held else 'running'} at {self.now():.3f}>"

    def now(self) -> float:
        return self._at if self.held else self._at + self._monotonic() - self._since

    def real(self, shown: float) -> float:
        """The real moment (Unix seconds) at which this clock shows `shown`; what a step left out, it shows at the step.

        What it has yet to show is told as if it ran on from here.
        """
        for (began, real, held), (ended, ended_real, _) in pairwise(self._turns):
            if shown < ended:
                return ended_real if held and shown > began else min(real + shown - began, ended_real)
        began, real, _ = self._turns[-1]
        return real + shown - began

    def set(self, *, held: bool, step_s: float = 0.0) -> None:
        """Hold or release, then step ahead. ValueError for a step back or beyond `STEP_S_MAX`."""
        if not 0 <= step_s <= STEP_S_MAX:
            raise ValueError(f"step_s must be between 0 and {STEP_S_MAX:.0f}")
        self._at = self.now() + step_s
        self._since = self._monotonic()
        self.held = held
        self._turns.append((self._at, self._real + self._since, held))
