"""Every number of the function platform.

Public: `FunctionsPolicy`, `FUNCTIONS`.
"""

from dataclasses import dataclass

from bff.resilience.policies import house_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionsPolicy:
    """Units stand last in each name. `timeout_s` begins when a function is handed its event; loading is not in it."""

    environments_max: int = 10
    idle_s: float = 60.0
    init_s_max: float = 10.0
    timeout_s: float = 5.0
    memory_mb: int = 512
    # What a start takes besides the real one, while the fault `cold` is set.
    cold_ms: int = 1500
    body_bytes_max: int = 1024 * 1024

    def __post_init__(self) -> None:
        if self.environments_max < 1 or min(self.idle_s, self.init_s_max, self.timeout_s) <= 0:
            raise ValueError("environments_max, idle_s, init_s_max and timeout_s are more than 0")


FUNCTIONS = house_policy("sandbox-functions", FunctionsPolicy())
