"""A simulation of processes behind one balancer: how busy they may be before their callers wait too long.

Public: `p99_factor`, `utilisation_max`.

Calls arrive at random (Poisson) and go to the processes by turns, as a Service distributes them, not to the idle one. A
process works on one call at a time, as one core does. Service times are exponential around their mean: some pages take
three times the average. Time is measured in means, so only utilisation and the number of processes matter.
"""

import random
from functools import cache

CALLS = 20_000
WARM = 2_000
STEP = 0.05


def p99_factor(utilisation: float, processes: int, *, seed: int = 1, calls: int = CALLS) -> float:
    """p99 from arrival to answer at this busyness, as a multiple of the p99 of a call that never waits."""
    chance = random.Random(seed)
    free_at = [0.0] * processes
    took: list[float] = []
    unloaded: list[float] = []
    now = 0.0
    for number in range(calls):
        now += chance.expovariate(utilisation * processes)
        service = chance.expovariate(1.0)
        process = number % processes
        free_at[process] = max(free_at[process], now) + service
        if number >= WARM:
            took.append(free_at[process] - now)
            unloaded.append(service)
    return _p99(took) / _p99(unloaded)


@cache
def utilisation_max(factor_max: float, processes: int) -> float:
    """The highest busyness, in steps of 0.05, at which the p99 is at most `factor_max` times the unloaded one."""
    allowed = 0.0
    while allowed + STEP < 1.0 and p99_factor(allowed + STEP, processes) <= factor_max:
        allowed += STEP
    return round(allowed, 2)


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]
