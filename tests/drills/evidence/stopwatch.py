"""One clock for all timestamps of a recorder.

Public: `Stopwatch`.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Stopwatch:
    """Milliseconds since its creation. `wall` and `monotonic` are clocks in seconds; tests pass their own."""

    def __init__(
        self, *, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._began, self._began_wall = monotonic(), wall()

    def now_ms(self) -> int:
        return round((self._monotonic() - self._began) * 1000)

    def of_wall_ms(self, wall_ms: float) -> int:
        """The time on this clock of a browser's timestamp on this machine, in Unix milliseconds."""
        return round(wall_ms - self._began_wall * 1000)

    @property
    def began_at(self) -> str:
        return _rfc3339(self._began_wall)

    @property
    def at(self) -> str:
        """The date and time of a value of this clock."""
        return _rfc3339(self._began_wall + self._monotonic() - self._began)


def _rfc3339(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
