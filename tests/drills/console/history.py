"""What was done, and what came of it: each fault with the slots that changed while it was on, and how they came back.

Public: `History`, `Fault`, `FRESH`, `PAGE`, `EVERYONE`, `TESTER`.

Decides from what is passed in: `now` is on the caller's monotonic clock in seconds, `at_ms` the wall clock's.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

FRESH = "fresh"
# The page itself, beside its slots.
PAGE = "page"
EVERYONE, TESTER = "everyone", "tester"
ENTRIES_MAX = 100
STEPS_MAX = 12
# What a fault leaves behind, such as an open breaker, is its doing for so long.
LATE_S = 2.0
SETTLES_S_MAX = 60.0
# A fault that was gone so shortly before its time ended by itself: it is looked for once a second.
BY_ITSELF_S = 1.5
BY_ITSELF, REPLACED, ELSEWHERE, HERE = "by itself", "replaced", "elsewhere", "here"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that is on. `name` is its toxic's, or `down`; `words` say what it does. By `number` the proxy counts
    what it hits; 0 where nobody can."""

    hop: str
    name: str
    words: str
    scope: str
    whom: str
    lasts_s: float
    number: int = 0


@dataclass(slots=True)
class Step:
    """`after_ms` counts from the fault's beginning, `healed_ms` from its end, where that came first. `others` are the
    numbers of the entries whose faults may as well be its cause."""

    state: str
    reason: str
    after_ms: int
    healed_ms: int | None = None
    others: tuple[int, ...] = ()


@dataclass(slots=True)
class Entry:
    """`changes` is (viewer, slot) to the steps that the slot went through; `before` what it was."""

    number: int
    fault: Fault
    by: str
    at_ms: int
    began: float
    ends: float
    ended: float | None = None
    how: str = ""
    hits: str = ""
    closed: bool = False
    changes: dict[tuple[str, str], list[Step]] = field(default_factory=dict)
    before: dict[tuple[str, str], str] = field(default_factory=dict)
    watched: dict[tuple[str, str], None] = field(default_factory=dict)

    def concerns(self, viewer: str) -> bool:
        return self.fault.scope != "session" or viewer == TESTER

    def settled(self, key: tuple[str, str]) -> bool:
        """Whether the slot is as it was, or well: it may have been amiss by another fault when this one hit it."""
        return self.changes[key][-1].state in (self.before[key], FRESH)

    def untouched(self) -> list[tuple[str, str]]:
        """What was seen all the while and did not change: nothing is known of slots on a page that did not come."""
        blind = {viewer for viewer, slot in self.changes if slot == PAGE}
        return [key for key in self.watched if key not in self.changes and key[0] not in blind]

    def body(self) -> dict[str, object]:
        """As the page is given it."""
        return {
            "number": self.number,
            "hop": self.fault.hop,
            "words": self.fault.words,
            "scope": self.fault.scope,
            "whom": self.fault.whom,
            "by": self.by,
            "at_ms": self.at_ms,
            "lasted_ms": None if self.ended is None else _ms(self.ended - self.began),
            "how": self.how,
            "hits": self.hits,
            "closed": self.closed,
            "changes": [
                {"viewer": viewer, "slot": slot, "steps": [_step(step) for step in steps]}
                for (viewer, slot), steps in self.changes.items()
            ],
            "untouched": [{"viewer": viewer, "slot": slot} for viewer, slot in self.untouched()],
        }


class History:
    """The last `ENTRIES_MAX` faults, newest first. `may_hit` says of a hop and a slot whether a fault on that hop can
    change that slot."""

    def __init__(self, may_hit: Callable[[str, str], bool]) -> None:
        self._may_hit = may_hit
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self._numbers = itertools.count(1)
        self._seen: dict[tuple[str, str], tuple[str, str]] = {}

    @property
    def open(self) -> list[Entry]:
        """Those that are on, or whose traces are not gone."""
        return [entry for entry in self._entries if not entry.closed]

    def slots(self) -> dict[str, dict[str, dict[str, str]]]:
        """Viewer to slot to its last state and reason."""
        found: dict[str, dict[str, dict[str, str]]] = {}
        for (viewer, slot), (state, reason) in self._seen.items():
            found.setdefault(viewer, {})[slot] = {"state": state, "reason": reason}
        return found

    def body(self) -> list[dict[str, object]]:
        return [entry.body() for entry in self._entries]

    def forget(self, viewer: str) -> None:
        """Nobody looks with these eyes any more."""
        self._seen = {key: state for key, state in self._seen.items() if key[0] != viewer}

    # --- what was done

    def begin(self, fault: Fault, now: float, at_ms: int, by: str = HERE) -> None:
        """This fault is on; one of the same name on the same hop has made room for it. Whoever put it on says so last:
        it may have been seen on the proxy before."""
        if seen := next((entry for entry in self._on() if fault.number and entry.fault.number == fault.number), None):
            seen.by = by
            return
        for entry in self._on():
            if (entry.fault.hop, entry.fault.name) == (fault.hop, fault.name):
                self._end(entry, now, REPLACED)
        entry = Entry(next(self._numbers), fault, by, at_ms, now, now + fault.lasts_s)
        entry.watched = dict.fromkeys(self._seen)
        self._entries.appendleft(entry)

    def heal(self, hop: str, now: float) -> None:
        """All that was on at `hop` was ended here; at every hop, where it is empty."""
        for entry in self._on():
            if hop in ("", entry.fault.hop):
                self._end(entry, now, HERE)

    def follow(self, faults: Iterable[Fault], sampled_at: float, now: float, at_ms: int) -> None:
        """What is on as the proxy says it, which was asked at `sampled_at`; `lasts_s` is what is left."""
        there = {(fault.hop, fault.name): fault for fault in faults}
        on = {(entry.fault.hop, entry.fault.name): entry for entry in self._on()}
        for key, entry in on.items():
            if key in there:
                entry.ends = now + there[key].lasts_s
            elif entry.began < sampled_at:
                itself = now >= entry.ends - BY_ITSELF_S
                self._end(entry, min(entry.ends, now) if itself else now, BY_ITSELF if itself else ELSEWHERE)
        for key, fault in there.items():
            if key not in on and not self._ended_since(key, sampled_at):
                self.begin(fault, now, at_ms, ELSEWHERE)
        for entry in self.open:
            if entry.ended is not None and now - entry.ended > LATE_S:
                entry.closed = all(map(entry.settled, entry.changes)) or now - entry.ended > SETTLES_S_MAX

    def count(self, hits: Mapping[int, str]) -> None:
        """What faults have hit so far, in words, by their numbers; the last word stands."""
        for entry in self._entries:
            entry.hits = hits.get(entry.fault.number, entry.hits)

    def _on(self) -> list[Entry]:
        return [entry for entry in self._entries if entry.ended is None]

    def _end(self, entry: Entry, now: float, how: str) -> None:
        entry.ended, entry.how = now, how

    def _ended_since(self, key: tuple[str, str], sampled_at: float) -> bool:
        ended = [entry.ended for entry in self._entries if (entry.fault.hop, entry.fault.name) == key]
        return any(moment is not None and moment >= sampled_at for moment in ended)

    # --- what came of it

    def see(self, viewer: str, slots: Mapping[str, tuple[str, str]], now: float) -> None:
        """The states and reasons of these slots, as `viewer` has them at `now`."""
        for slot, after in slots.items():
            key = (viewer, slot)
            before = self._seen.get(key)
            self._seen[key] = after
            for entry in self.open:
                entry.watched.setdefault(key)
            if before is not None and before != after:
                causes = self._causes(key, after[0], now)
                for entry in causes:
                    others = tuple(each.number for each in causes if each is not entry)
                    step = Step(*after, _ms(now - entry.began), others=others)
                    _change(entry, key, before[0], step, now)

    def _causes(self, key: tuple[str, str], state: str, now: float) -> list[Entry]:
        """Every fault that may be the cause: nobody can tell two on the same slot's way from each other."""
        under_way = [entry for entry in self.open if key in entry.changes and not entry.settled(key)]
        if state == FRESH:
            return under_way
        viewer, slot = key
        concerned = [entry for entry in self.open if entry.ended is None or now - entry.ended <= LATE_S]
        there = [entry for entry in concerned if self._may_hit(entry.fault.hop, slot)]
        # Where nothing else can be the cause, a fault for one session is: whoever it should not hit must be told of.
        # And where none should hit that slot at all, any of them may.
        for chosen in (there, concerned):
            found = [entry for entry in chosen if entry.concerns(viewer)] or chosen
            if found:
                return under_way + [entry for entry in found if entry not in under_way]
        return under_way


def _change(entry: Entry, key: tuple[str, str], before: str, step: Step, now: float) -> None:
    entry.before.setdefault(key, before)
    steps = entry.changes.setdefault(key, [])
    if entry.ended is not None:
        step.healed_ms = _ms(now - entry.ended)
    if len(steps) == STEPS_MAX:
        steps.pop(1)  # the first one says how fast it was
    steps.append(step)


def _ms(seconds: float) -> int:
    return max(round(seconds * 1000), 0)


def _step(step: Step) -> dict[str, object]:
    return {
        "state": step.state,
        "reason": step.reason,
        "after_ms": step.after_ms,
        "healed_ms": step.healed_ms,
        "others": [*step.others],
    }
