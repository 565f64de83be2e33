"""How long a slot that is not fresh waits before it asks again: the shell says, so that a crowd does not.

Public: `delay_ms`, `ATTEMPT_MAX`, `DELAY_MS_MIN`, `DELAY_MS_LONGEST`.
"""

import random

DELAY_MS_MIN = 500
DELAY_MS_FIRST = 1500
DELAY_MS_MAX = 6000  # with the include after it still inside the ten seconds in which a slot heals
# Right after the moment at which asking may help, spread so that a crowd does not come at once.
AFTER_MS = (200, 1500)
RETRY_AFTER_MS_MAX = 8000
ATTEMPT_MAX = 16
DELAY_MS_LONGEST = RETRY_AFTER_MS_MAX + AFTER_MS[1]


def delay_ms(attempt: int, retry_after_ms: int | None, *, chance: random.Random) -> int:
    """Soon after `retry_after_ms` where the upstream or the breaker named a moment; else full jitter that doubles."""
    if retry_after_ms is not None and retry_after_ms > 0:
        return round(min(retry_after_ms, RETRY_AFTER_MS_MAX) + _between(*AFTER_MS, chance))
    ceiling = min(DELAY_MS_FIRST * 2 ** min(attempt, ATTEMPT_MAX), DELAY_MS_MAX)
    return round(_between(DELAY_MS_MIN, ceiling, chance))


def _between(low: float, high: float, chance: random.Random) -> float:
    return low + (high - low) * chance.random()
