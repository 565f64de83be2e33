"""When a process that died starts again: decided from how long it ran.

Public: `Backoff`, `how_it_ended`.
"""

import signal
from dataclasses import dataclass

FIRST_S = 0.5
LONGEST_S = 8.0
STEADY_S = 20.0


@dataclass(slots=True)
class Backoff:
    """Doubles while a process dies early; one that ran for `STEADY_S` begins again at `FIRST_S`."""

    deaths: int = 0

    def after(self, ran_s: float) -> float:
        """Seconds to wait before the next start."""
        self.deaths = 1 if ran_s >= STEADY_S else self.deaths + 1
        return min(FIRST_S * 2.0 ** min(self.deaths - 1, 10), LONGEST_S)


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
