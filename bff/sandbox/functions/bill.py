"""The cost on a function platform, compared with servers that are always on. Pure: time is passed in.

Public: `Bill`.
"""

import math
from dataclasses import dataclass

MB_A_GB = 1024


@dataclass(slots=True)
class Bill:
    """Milliseconds are rounded up for each request, and what loading took counts, as on Lambda since August 2025.

    `reserved_s` is how long environments stood there, at work or not: what servers would be paid for.
    """

    memory_mb: int
    requests: int = 0
    billed_ms: int = 0
    cold_starts: int = 0
    throttled: int = 0
    failed: int = 0
    reserved_s: float = 0.0
    init_ms: float = 0.0

    def count(self, took_ms: float, init_ms: float = 0.0) -> None:
        """One request; `init_ms` where its environment was loaded for it."""
        self.requests += 1
        self.cold_starts += init_ms > 0
        self.init_ms += init_ms
        self.billed_ms += math.ceil(took_ms + init_ms)

    @property
    def request_ms(self) -> float:
        """What a request took on the average, loading apart; 0 without one."""
        return max(0.0, self.billed_ms - self.init_ms) / self.requests if self.requests else 0.0

    @property
    def cold_ms(self) -> float:
        """What loading took on the average; 0 without a cold start."""
        return self.init_ms / self.cold_starts if self.cold_starts else 0.0

    @property
    def gb_seconds(self) -> float:
        return self.billed_ms / 1000 * self.memory_mb / MB_A_GB

    def gb_seconds_of_servers(self, servers: int, for_s: float) -> float:
        """The GB-seconds of `servers` that run for `for_s`, with or without requests."""
        return servers * for_s * self.memory_mb / MB_A_GB
