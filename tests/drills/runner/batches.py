"""Which drills of the matrix may run side by side: those whose faults can not be taken for one another's.

Public: `Batch`, `batches`, `SIDE_BY_SIDE_MAX`.

One session's outage reaches nobody else, so that a few of these run at once, each under a mark of its own. Outages of
everybody share a batch only where no slot is hit by two of them; a slot that a neighbour hits is nobody's sibling. The
way to the page itself is broken alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.drills.kit.drill import Drill
from tests.drills.runner.catalogue import HOPS, HopEffect, drill_of

# Below the eight partitions that a house keeps apart.
SIDE_BY_SIDE_MAX = 6


@dataclass(frozen=True, slots=True)
class Batch:
    """Names with their drills; `shared` says whether a neighbour could have been the cause of what was seen."""

    drills: tuple[tuple[str, Drill], ...]

    @property
    def shared(self) -> bool:
        return len(self.drills) > 1


def batches(names: Iterable[str]) -> list[Batch]:
    """All of them, in batches."""
    sessions: list[str] = []
    everyone: list[str] = []
    alone: list[str] = []
    for name in names:
        if drill_of(name).scope == "session":
            sessions.append(name)
        elif _effect(name).page:
            alone.append(name)
        else:
            everyone.append(name)
    made = [Batch(((name, drill_of(name)),)) for name in alone]
    made += [
        Batch(tuple((name, drill_of(name)) for name in sessions[first : first + SIDE_BY_SIDE_MAX]))
        for first in range(0, len(sessions), SIDE_BY_SIDE_MAX)
    ]
    return made + [_together(group) for group in _disjoint(everyone)]


def _disjoint(names: list[str]) -> list[list[str]]:
    """Greedy: each name goes into the first batch that has room for it, its slots and its hop."""
    groups: list[list[str]] = []
    for name in sorted(names, key=lambda each: (-len(_effect(each).slots), each)):
        for group in groups:
            if len(group) < SIDE_BY_SIDE_MAX and not any(_clash(name, other) for other in group):
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def _clash(one: str, other: str) -> bool:
    same_hop = one.partition("/")[0] == other.partition("/")[0]
    return same_hop or bool({*_effect(one).slots} & {*_effect(other).slots})


def _together(group: list[str]) -> Batch:
    hit = {slot for name in group for slot in _effect(name).slots}
    return Batch(tuple((name, drill_of(name, also_hit=sorted(hit - {*_effect(name).slots}))) for name in group))


def _effect(name: str) -> HopEffect:
    return HOPS.get(name.partition("/")[0], HopEffect())
