"""How long to wait before another attempt. Pure; chance is passed in.

Public: `BackoffPolicy`, `Backoff`, `backoff_s`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

_DOUBLINGS_MAX = 32  # reach any limit; more would overflow a float in a long outage


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffPolicy:
    """A bound that doubles from `initial_s` to `max_s`; `jitter` is the share of each wait that is left to chance.

    1.0 is full jitter (callers that failed together come back spread over the whole wait), 0.5 equal jitter, 0.0 none.
    """

    initial_s: float
    max_s: float
    jitter: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.initial_s <= self.max_s or not 0 <= self.jitter <= 1:
            raise ValueError(f"{self} is no backoff: 0 < initial_s <= max_s and 0 <= jitter <= 1")


def backoff_s(policy: BackoffPolicy, attempt: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds to wait after attempt number `attempt` (from 0) has failed; `chance()` is in [0, 1)."""
    bound_s = min(policy.initial_s * 2.0 ** min(max(attempt, 0), _DOUBLINGS_MAX), policy.max_s)
    return bound_s * (1 - policy.jitter * (1 - chance()))


class Backoff:
    """Counts failures in a row: `next_s` after each, `reset` after a success."""

    def __init__(self, policy: BackoffPolicy, chance: Callable[[], float] = random.random) -> None:
        self._policy = policy
        self._chance = chance
        self.attempts = 0

    def next_s(self) -> float:
        """Seconds to wait before the next attempt."""
        wait_s = backoff_s(self._policy, self.attempts, self._chance)
        self.attempts += 1
        return wait_s

    def reset(self) -> None:
        """The next failure is the first of a row."""
        self.attempts = 0
