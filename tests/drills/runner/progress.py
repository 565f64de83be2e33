"""How far a run is, and how long the rest takes: from what each drill should add to its length, and what it did.

Public: `Progress`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`expected_s` is what each drill adds to the run on an idle machine, by its name."""

    expected_s: Mapping[str, float]

    @property
    def plan(self) -> str:
        """What lies ahead, for whoever waits."""
        return f"{len(self.expected_s)} drills, about {_minutes(sum(self.expected_s.values()))} on an idle machine"

    def done(self, names: list[str], took_s: float) -> str:
        """`names` were done in `took_s`; what is left is taken to go as much faster or slower than expected."""
        done_s = sum(self.expected_s.get(name, 0) for name in names)
        left_s = took_s / max(done_s, 1) * (sum(self.expected_s.values()) - done_s)
        left = f", {_minutes(left_s)} left" if left_s >= 60 else ""
        return f"[{len(names)}/{len(self.expected_s)}{left}]"


def _minutes(seconds: float) -> str:
    return f"{max(seconds / 60, 1):.0f} min"
