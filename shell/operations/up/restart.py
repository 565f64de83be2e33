"""The delay before a process that died is restarted: decided from how long it ran.

Public: `RestartDelay`, `how_it_ended`.
"""

import signal
from dataclasses import dataclass

from bff.resilience.backoff import BackoffPolicy, backoff_s

FIRST_S = 0.5
LONGEST_S = 8.0
STEADY_S = 20.0
RESTART = BackoffPolicy(initial_s=FIRST_S, max_s=LONGEST_S, jitter=0.0)  # a single process, so no jitter


@dataclass(slots=True)
class RestartDelay:
    """Doubles while a process dies early; one that ran for `STEADY_S` begins again at `FIRST_S`."""

    deaths: int = 0

    def after(self, ran_s: float) -> float:
        """Seconds to wait before the next start."""
        self.deaths = 1 if ran_s >= STEADY_S else self.deaths + 1
        return backoff_s(RESTART, self.deaths - 1)


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
