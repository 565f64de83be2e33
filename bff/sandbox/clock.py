"""The sandbox's clock: real time, until somebody holds it.

Public: `SandboxClock`, `STEP_S_MAX`.
"""

import time
from collections.abc import Callable

STEP_S_MAX = 6 * 3600.0


class SandboxClock:
    """Unix seconds that run, stand still while held, and can be stepped ahead; they never go back."""

    def __init__(self, start: float | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._at = time.time() if start is None else start
        self._since = monotonic()
        self.held = False

    def __repr__(self) -> str:
        return f"<SandboxClock {'held' if self.held else 'running'} at {self.now():.3f}>"

    def now(self) -> float:
        return self._at if self.held else self._at + self._monotonic() - self._since

    def set(self, *, held: bool, step_s: float = 0.0) -> None:
        """Hold or release, then step ahead. ValueError for a step back or beyond `STEP_S_MAX`."""
        if not 0 <= step_s <= STEP_S_MAX:
            raise ValueError(f"step_s must be between 0 and {STEP_S_MAX:.0f}")
        self._at = self.now() + step_s
        self._since = self._monotonic()
        self.held = held
