"""The cost of a fragment on a day with a final: as functions, and as servers that are always on. Pure.

Public: `DayPolicy`, `PricePolicy`, `Measured`, `DayBill`, `requests_a_second`, `bill_of`.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from bff.sandbox.functions.bill import MB_A_GB

DAY_S = 86_400
MS_A_S = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPolicy:
    """The day's arrivals. Changed by `HOUSE_POLICIES` under `sandbox-functions-day`."""

    night_rps: float = 2.0
    evening_rps: float = 40.0
    evening_h: float = 20.0
    final_rps: float = 1500.0
    final_h: float = 20.0
    final_min: int = 120
    # How fast everybody comes, and leaves.
    rise_min: int = 10
    # Servers are bought for the peak, and run at this share of what they can at most.
    server_load_max: float = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePolicy:
    """US dollars. Examples in the order of list prices (functions by the request and GB-second, containers by CPU and
    GB); nobody's offer, and checked against none: set what you pay by `HOUSE_POLICIES` under
    `sandbox-functions-prices`."""

    million_requests: float = 0.20
    gb_second: float = 0.0000166667
    cpu_hour: float = 0.04048
    gb_hour: float = 0.004445


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one fragment: what a warm request and a start take, and what a server's CPU works for a request."""

    request_ms: float
    cold_ms: float
    cpu_ms: float
    memory_mb: int
    idle_s: float


@dataclass(frozen=True, slots=True)
class DayBill:
    """Of one day. `busy_share` is how much of what the servers could do was asked of them."""

    requests: int
    billed_ms: int
    gb_seconds: float
    cold_starts: int
    environments_max: int
    functions_usd: float
    servers: int
    servers_gb_seconds: float
    servers_usd: float
    busy_share: float


def requests_a_second(second: int, policy: DayPolicy) -> float:
    """The mean of arrivals at this second of the day: a wave over the day, and the final on top of it."""
    hour = second / 3600
    wave = (1 + math.cos((hour - policy.evening_h) / 24 * 2 * math.pi)) / 2
    usual = policy.night_rps + (policy.evening_rps - policy.night_rps) * wave**2
    into_final_min = (hour - policy.final_h) * 60
    rising = 1 + into_final_min / policy.rise_min
    falling = 1 + (policy.final_min - into_final_min) / policy.rise_min
    return usual + policy.final_rps * max(0.0, min(1.0, rising, falling))


def bill_of(measured: Measured, day: DayPolicy, prices: PricePolicy) -> DayBill:
    """Each request has an environment of its own; one that idles for longer than `idle_s` is gone."""
    rates = [requests_a_second(second, day) for second in range(DAY_S)]
    requests = round(sum(rates))
    standing = [*_environments(rates, measured)]
    cold_starts = standing[0] + sum(max(0, now - before) for before, now in pairwise(standing))
    billed_ms = round(requests * math.ceil(measured.request_ms) + cold_starts * measured.cold_ms)
    gb = measured.memory_mb / MB_A_GB
    gb_seconds = billed_ms / MS_A_S * gb
    cpu_s_a_request = measured.cpu_ms / MS_A_S
    servers = max(1, math.ceil(max(rates) * cpu_s_a_request / day.server_load_max))
    return DayBill(
        requests=requests,
        billed_ms=billed_ms,
        gb_seconds=gb_seconds,
        cold_starts=cold_starts,
        environments_max=max(standing),
        functions_usd=requests / 1e6 * prices.million_requests + gb_seconds * prices.gb_second,
        servers=servers,
        servers_gb_seconds=servers * DAY_S * gb,
        servers_usd=servers * DAY_S / 3600 * (prices.cpu_hour + gb * prices.gb_hour),
        busy_share=requests * cpu_s_a_request / (servers * DAY_S),
    )


def _environments(rates: list[float], measured: Measured) -> Iterator[int]:
    """How many stand at each second: as many as were at work at once at any moment of the last `idle_s`."""
    recent: deque[tuple[int, int]] = deque()  # falling numbers, each with when it was needed last
    for second, rate in enumerate(rates):
        mean = rate * measured.request_ms / MS_A_S
        # Arrivals are nobody's plan: three deviations of Poisson's are at work at once now and then.
        needed = math.ceil(mean + 3 * math.sqrt(mean))
        while recent and recent[-1][0] <= needed:
            recent.pop()
        recent.append((needed, second))
        while recent[0][1] < second - measured.idle_s:
            recent.popleft()
        yield recent[0][0]
