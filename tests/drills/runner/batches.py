"""Which drills of the matrix may run side by side: those whose faults can not be taken for one another's.

Public: `Batch`, `batches`, `SESSIONS_MAX`, `SIDE_BY_SIDE_MAX`.

One session's outage reaches nobody else, so that some of these run at once, each under a mark of its own: as one ends
the next begins. Outages of everybody share a batch only where no slot is hit by two of them, and a slot that a
neighbour hits is nobody's sibling; those that hit no slot are among themselves, so that all slots stay their siblings.
The way to everybody's page is broken alone.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from tests.drills.kit.drill import Drill
from tests.drills.runner.catalogue import WATCHED_FOR_S, drill_of, effect_of

# A house keeps eight partitions apart: with one of these it has room for the next while it still has the last.
SESSIONS_MAX = 7
SIDE_BY_SIDE_MAX = 12


@dataclass(frozen=True, slots=True)
class Batch:
    """Names with their drills, of which `limit` run at once."""

    drills: tuple[tuple[str, Drill], ...]
    limit: int = SIDE_BY_SIDE_MAX

    @property
    def shared(self) -> bool:
        """Whether a neighbour could have been the cause of what was seen."""
        return len(self.drills) > 1


def batches(names: Iterable[str], watched: Collection[str] = ()) -> list[Batch]:
    """All of them, in batches; those that are `watched` by a browser are broken for longer."""
    sessions: list[str] = []
    page: list[str] = []
    hitting: list[str] = []
    harmless: list[str] = []
    for name in names:
        effect = effect_of(name)
        if drill_of(name).scope == "session":
            sessions.append(name)
        else:
            (page if effect.page else hitting if effect.slots else harmless).append(name)

    def drilled(name: str, also_hit: Iterable[str] = ()) -> tuple[str, Drill]:
        return name, drill_of(name, also_hit=sorted(also_hit), for_s=WATCHED_FOR_S if name in watched else 0)

    made = [Batch((drilled(name),)) for name in page]
    if sessions:
        made.append(Batch(tuple(map(drilled, sessions)), SESSIONS_MAX))
    made += [Batch(tuple(map(drilled, group))) for group in _grouped(harmless, _same_hop)]
    for group in _grouped(hitting, _clash):
        hit = {slot for name in group for slot in effect_of(name).slots}
        made.append(Batch(tuple(drilled(name, hit - {*effect_of(name).slots}) for name in group)))
    return made


def _grouped(names: Iterable[str], clash: Callable[[str, str], bool]) -> list[list[str]]:
    """Greedy: each name goes into the first group that has room for it, its slots and its hop."""
    groups: list[list[str]] = []
    for name in sorted(names, key=lambda each: (-len(effect_of(each).slots), each)):
        for group in groups:
            if len(group) < SIDE_BY_SIDE_MAX and not any(clash(name, other) for other in group):
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def _same_hop(one: str, other: str) -> bool:
    return one.partition("/")[0] == other.partition("/")[0]


def _clash(one: str, other: str) -> bool:
    return _same_hop(one, other) or bool({*effect_of(one).slots} & {*effect_of(other).slots})
