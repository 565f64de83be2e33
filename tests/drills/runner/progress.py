"""How far a run is, and how long the rest will take, from the expected and the measured durations.

Public: `Progress`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`expected_s` is what each drill, by name, adds to the run's duration on an idle machine."""

    expected_s: Mapping[str, float]

    @property
    def plan(self) -> str:
        """What the run will do, for the person who waits."""
        return f"{len(self.expected_s)} drills, about {_minutes(sum(self.expected_s.values()))} on an idle machine"

    def done(self, names: list[str], took_s: float) -> str:
        """`names` were done in `took_s`; the rest is estimated with the same ratio of measured to expected time."""
        done_s = sum(self.expected_s.get(name, 0) for name in names)
        left_s = took_s / max(done_s, 1) * (sum(self.expected_s.values()) - done_s)
        left = f", {_minutes(left_s)} left" if left_s >= 60 else ""
        return f"[{len(names)}/{len(self.expected_s)}{left}]"


def _minutes(seconds: float) -> str:
    return f"{max(seconds / 60, 1):.0f} min"
