"""How long a slot that is not fresh waits before it asks again. The shell decides, so that browsers do not all ask at
once.

Public: `delay_ms`, `bounds_ms`, `ATTEMPT_MAX`, `DELAY_MS_MIN`, `DELAY_MS_LONGEST`.
"""

import random

DELAY_MS_MIN = 500
DELAY_MS_FIRST = 1500
DELAY_MS_MAX = 4000  # with the include after it, and what a feed needs before it, a slot heals within seven seconds
# Right after the moment at which asking may help, spread so that a crowd does not come at once.
AFTER_MS = (200, 1500)
RETRY_AFTER_MS_MAX = 8000
ATTEMPT_MAX = 16
DELAY_MS_LONGEST = RETRY_AFTER_MS_MAX + AFTER_MS[1]


def delay_ms(attempt: int, retry_after_ms: int | None, *, chance: random.Random) -> int:
    """One moment between the bounds."""
    low, high = bounds_ms(attempt, retry_after_ms)
    return round(low + (high - low) * chance.random())


def bounds_ms(attempt: int, retry_after_ms: int | None) -> tuple[int, int]:
    """Soon after `retry_after_ms` where the upstream or the breaker named a moment; else full jitter that doubles."""
    if retry_after_ms is not None and retry_after_ms > 0:
        named = min(retry_after_ms, RETRY_AFTER_MS_MAX)
        return named + AFTER_MS[0], named + AFTER_MS[1]
    return DELAY_MS_MIN, min(DELAY_MS_FIRST * 2 ** min(attempt, ATTEMPT_MAX), DELAY_MS_MAX)
