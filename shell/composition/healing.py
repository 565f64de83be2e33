"""How long a slot that is not fresh waits before it asks again: the shell says, so that a crowd does not.

Public: `delay_ms`, `ATTEMPT_MAX`.
"""

import random

DELAY_MS_MIN = 500
DELAY_MS_FIRST = 1500
DELAY_MS_MAX = 6000  # with its jitter still inside the ten seconds in which a slot heals
ATTEMPT_MAX = 16


def delay_ms(attempt: int, retry_after_ms: int | None, *, chance: random.Random) -> int:
    """Full jitter under a doubling, capped ceiling; never sooner than the upstream asked, within the same cap."""
    ceiling = min(DELAY_MS_FIRST * 2 ** min(attempt, ATTEMPT_MAX), DELAY_MS_MAX)
    floor = min(max(DELAY_MS_MIN, retry_after_ms or 0), DELAY_MS_MAX)
    return round(chance.uniform(floor, max(floor, ceiling)))
