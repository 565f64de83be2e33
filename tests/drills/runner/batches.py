"""Which drills of the matrix may run side by side: those whose effects can not be mistaken for each other's.

Public: `Planned`, `Batch`, `Room`, `batches`, `next_of`, `expected_s`, `SESSIONS_MAX`, `BESIDE_MAX`, `WATCHED_MAX`.

Most of the matrix is one batch: outages of one session, each under a mark of its own, beside outages of everybody that
hit no slot, each on a hop of its own. When one ends the next begins; filmed ones go first, with fewer beside them.
Outages of everybody that hit slots run in pairs; the two hit different slots, and leave at least one slot whose markup
proves the blast radius. An outage of everybody on the page's own hop runs alone.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from tests.drills.kit.drill import Drill
from tests.drills.runner.catalogue import drill_of, effect_of, watched_s
from tests.drills.runner.hop_effects import SLOTS

# A house has room for eight partitions: with seven in use it can take the next one while the last still ends.
SESSIONS_MAX = 7
BESIDE_MAX = 12
# Of each kind, beside pages that are filmed: filming takes so much CPU that all other pages are late.
BESIDE_WATCHED_MAX = 4
# Pages that are filmed at the same time: more would be late for want of CPU.
WATCHED_MAX = 2
# Added to the fault's duration: the checks that all is steady before and after it, and what a browser adds to them.
OVERHEAD_S, WATCHED_OVERHEAD_S = 3.0, 8.0


@dataclass(frozen=True, slots=True)
class Planned:
    """A drill of the matrix, and whether a browser watches it."""

    name: str
    drill: Drill
    watched: bool = False

    @property
    def hop(self) -> str:
        return self.name.partition("/")[0]

    @property
    def of_one_session(self) -> bool:
        return self.drill.scope == "session"

    @property
    def at_the_browser(self) -> bool:
        """Whether every browser's page would show the outage, whatever drill it watches."""
        return self.hop.startswith("browser:") and not self.of_one_session


@dataclass(frozen=True, slots=True)
class Batch:
    """Drills that run side by side, as many at once as `next_of` allows; the next batch begins when all are done."""

    drills: tuple[Planned, ...]

    @property
    def shared(self) -> bool:
        """Whether a neighbour could be the cause of what a drill sees."""
        return len(self.drills) > 1

    @property
    def beside(self) -> int:
        """How many run at once, as a rule."""
        return min(len(self.drills), SESSIONS_MAX)


# The share of all places that is added after a drill that held beside others.
GROWS = 1 / 14


@dataclass(slots=True)
class Room:
    """How many drills run at once. On a slow machine the maximum would make all pages late, so the number is halved
    after a drill that deviated beside others and grows a little after each that held, as TCP's window does. One slow
    moment spoils all that are under way, and halves once: a drill that began before that halves nothing again."""

    share: float = 1.0
    halved_s: float = -math.inf

    def learn(self, *, held: bool, began_s: float, now_s: float) -> None:
        """What one came to that began at `began_s`; both are seconds of one clock."""
        if held:
            self.share = min(1.0, self.share + GROWS)
        elif began_s >= self.halved_s:
            self.share, self.halved_s = self.share / 2, now_s

    def of(self, most: int) -> int:
        return max(1, int(most * self.share))


def expected_s(drill: Drill, *, watched: bool) -> float:
    """About how long a drill takes alone on an idle machine: the checks before it, the fault, and the healing."""
    return drill.lasts_s + OVERHEAD_S + (WATCHED_OVERHEAD_S if watched else 0)


def next_of(waiting: Sequence[Planned], running: Collection[Planned], room: Room) -> Planned | None:
    """The first waiting drill that may run beside the running ones."""
    filming = any(each.watched for each in (*waiting, *running))
    return next((each for each in waiting if _fits(each, running, room, filming=filming)), None)


def _fits(one: Planned, running: Collection[Planned], room: Room, *, filming: bool) -> bool:
    """`filming`: some are filmed, or will be, for which there has to be room."""
    alike = [each for each in running if each.of_one_session is one.of_one_session]
    if one.watched:
        if sum(each.watched for each in running) >= WATCHED_MAX:
            return False
    else:
        most = BESIDE_WATCHED_MAX if filming else SESSIONS_MAX if one.of_one_session else BESIDE_MAX
        if sum(not each.watched for each in alike) >= room.of(most):
            return False
    if not one.of_one_session and any(each.hop == one.hop for each in alike):
        return False
    if any(_counts_with(one, other) for other in running):
        return False
    return not any(_sees(one, other) or _sees(other, one) for other in running)


def _counts_with(one: Planned, other: Planned) -> bool:
    """Whether one drill measures the money of a player whom the other lets act."""
    counts = one.drill.expect.money is not None or other.drill.expect.money is not None
    return counts and one.drill.actor == other.drill.actor


def _sees(one: Planned, other: Planned) -> bool:
    """Whether the browser that watches `one` would report the effects of `other`."""
    return one.watched and other.at_the_browser


def batches(names: Iterable[str], watched: Collection[str] = (), elsewhere: Collection[str] = ()) -> list[Batch]:
    """All drills, in batches. Those that a browser watches come first, with longer faults. `elsewhere` as in
    `catalogue.effect_of`."""
    planned = [_planned(name, name in watched, elsewhere) for name in names]
    planned.sort(key=lambda each: not each.watched)
    page = [each for each in planned if effect_of(each.name).page and not each.of_one_session]
    hitting = [each for each in planned if each.drill.expect.slots and not each.of_one_session]
    rest = [each for each in planned if each not in page and each not in hitting]
    made = [Batch((each,)) for each in page]
    if rest:
        made.append(Batch(tuple(rest)))
    return made + [Batch(tuple(pair)) for pair in _pairs(hitting, elsewhere)]


def _planned(name: str, watched: bool, elsewhere: Collection[str], also_hit: Collection[str] = ()) -> Planned:
    for_s = watched_s(name, elsewhere) if watched else 0
    return Planned(name, drill_of(name, also_hit=also_hit, for_s=for_s, elsewhere=elsewhere), watched)


def _pairs(planned: Iterable[Planned], elsewhere: Collection[str]) -> list[list[Planned]]:
    """Pairs of drills that hit different slots. The largest groups of equal slots are paired first, so that few are
    left over."""
    waiting: dict[tuple[str, ...], list[Planned]] = {}
    for each in planned:
        waiting.setdefault(tuple(each.drill.expect.slots), []).append(each)
    pairs = []
    while any(waiting.values()):
        longest = sorted((slots for slots in waiting if waiting[slots]), key=lambda slots: -len(waiting[slots]))
        first, *others = longest
        second = next((slots for slots in others if _may_pair(first, slots)), None)
        chosen = [waiting[first].pop(0), *([waiting[second].pop(0)] if second else [])]
        hit = {slot for each in chosen for slot in each.drill.expect.slots}
        pairs.append(
            [_planned(each.name, each.watched, elsewhere, hit - {*each.drill.expect.slots}) for each in chosen]
        )
    return pairs


def _may_pair(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    both = {*one, *other}
    return len(both) == len(one) + len(other) < len(SLOTS)
