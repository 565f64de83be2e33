"""Which drills of the matrix may run side by side: those whose faults can not be taken for one another's.

Public: `Planned`, `Batch`, `Room`, `batches`, `next_of`, `expected_s`, `SESSIONS_MAX`, `BESIDE_MAX`, `WATCHED_MAX`.

Most of the matrix is one batch: sessions' outages, each under a mark of its own, beside outages of everybody that hit
no slot, each on a hop of its own. As one ends the next begins. Outages of everybody that hit a slot run in pairs, no
slot hit by both, and at least one left whose markup proves what was not hit. The way to everybody's page is broken
alone.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from tests.drills.kit.drill import Drill
from tests.drills.runner.catalogue import drill_of, effect_of, watched_s
from tests.drills.runner.hop_effects import SLOTS

# A house keeps eight partitions apart: with one of these it has room for the next while it still has the last.
SESSIONS_MAX = 7
# Beside a page that is filmed: the processor that it takes makes the pages of all others late.
SESSIONS_BESIDE_WATCHED_MAX = 4
BESIDE_MAX = 12
# Pages that are filmed at the same time: more would be late for want of a processor.
WATCHED_MAX = 2
# Beside the time of the fault: until all is steady before it and again after it, and what a browser adds to that.
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
        """Whether every browser would report it, whatever else that watches."""
        return self.hop.startswith("browser:") and not self.of_one_session


@dataclass(frozen=True, slots=True)
class Batch:
    """Drills of which as many run at once as `next_of` allows; the next batch begins when all are done."""

    drills: tuple[Planned, ...]

    @property
    def shared(self) -> bool:
        """Whether a neighbour could have been the cause of what was seen."""
        return len(self.drills) > 1

    @property
    def beside(self) -> int:
        """How many are under way at once, as a rule."""
        return min(len(self.drills), SESSIONS_MAX)


# By how much of all places there are more after a drill that held beside others.
GROWS = 1 / 14


@dataclass(slots=True)
class Room:
    """How many run at once: on a slow machine as many as fit would all be late for want of a processor.
    Half as many after each that did not hold beside others, and a few more after each that did, as TCP sends."""

    share: float = 1.0

    def learn(self, *, held: bool) -> None:
        self.share = min(1.0, self.share + GROWS) if held else self.share / 2

    def of(self, most: int) -> int:
        return max(1, int(most * self.share))


def expected_s(drill: Drill, *, watched: bool) -> float:
    """About how long it takes where it is alone and the machine does nothing else: what leads up to the fault, and
    what heals."""
    return drill.lasts_s + OVERHEAD_S + (WATCHED_OVERHEAD_S if watched else 0)


def next_of(waiting: Sequence[Planned], running: Collection[Planned], room: Room) -> Planned | None:
    """The first of those that wait which may run beside those that do."""
    return next((each for each in waiting if _fits(each, running, room)), None)


def _fits(one: Planned, running: Collection[Planned], room: Room) -> bool:
    sessions = sum(each.of_one_session for each in running)
    filmed = one.watched or any(each.watched for each in running)
    if one.of_one_session and sessions >= room.of(SESSIONS_BESIDE_WATCHED_MAX if filmed else SESSIONS_MAX):
        return False
    if not one.of_one_session:
        if len(running) - sessions >= room.of(BESIDE_MAX):
            return False
        if any(each.hop == one.hop for each in running if not each.of_one_session):
            return False
    if any(_counts_with(one, other) for other in running):
        return False
    if one.watched and sum(each.watched for each in running) >= WATCHED_MAX:
        return False
    return not any(_sees(one, other) or _sees(other, one) for other in running)


def _counts_with(one: Planned, other: Planned) -> bool:
    """Whether the money of one player would be counted while another drill moves it."""
    counts = one.drill.expect.money is not None or other.drill.expect.money is not None
    return counts and one.drill.actor == other.drill.actor


def _sees(one: Planned, other: Planned) -> bool:
    """Whether the browser that watches `one` would report what `other` breaks."""
    return one.watched and other.at_the_browser


def batches(names: Iterable[str], watched: Collection[str] = ()) -> list[Batch]:
    """All of them, in batches; those that are `watched` by a browser come first, and are broken for longer."""
    planned = [_planned(name, name in watched) for name in names]
    planned.sort(key=lambda each: not each.watched)
    page = [each for each in planned if effect_of(each.name).page and not each.of_one_session]
    hitting = [each for each in planned if each.drill.expect.slots and not each.of_one_session]
    rest = [each for each in planned if each not in page and each not in hitting]
    made = [Batch((each,)) for each in page]
    if rest:
        made.append(Batch(tuple(rest)))
    return made + [Batch(tuple(pair)) for pair in _pairs(hitting)]


def _planned(name: str, watched: bool, also_hit: Collection[str] = ()) -> Planned:
    return Planned(name, drill_of(name, also_hit=also_hit, for_s=watched_s(name) if watched else 0), watched)


def _pairs(planned: Iterable[Planned]) -> list[list[Planned]]:
    """Two by two, from those that hit the slots that most of the others do too, so that few are left over."""
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
        pairs.append([_planned(each.name, each.watched, hit - {*each.drill.expect.slots}) for each in chosen])
    return pairs


def _may_pair(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    both = {*one, *other}
    return len(both) == len(one) + len(other) < len(SLOTS)
