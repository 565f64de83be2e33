"""The list of the console: each fault with the slots that changed during it, and when they were fresh again.

Public: `History`, `Fault`, `FRESH`, `PAGE`, `EVERYONE`, `TESTER`.

Decides from what is passed in: `now` is on the caller's monotonic clock in seconds, `at_ms` the wall clock's.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

FRESH = "fresh"
# The page as a whole, beside its slots.
PAGE = "page"
EVERYONE, TESTER = "everyone", "tester"
ENTRIES_MAX = 100
STEPS_MAX = 12
# A fault's after-effects, such as an open breaker, are counted as its own for so long.
LATE_S = 2.0
SETTLES_S_MAX = 60.0
# A fault that was found gone so shortly before its end had expired by itself: faults are polled once a second.
BY_ITSELF_S = 1.5
BY_ITSELF, REPLACED, ELSEWHERE, HERE = "by itself", "replaced", "elsewhere", "here"


@dataclass(frozen=True, slots=True)
class Fault:
    """An active fault. `name` is its toxic's, or `down`; `words` describe it. `number` is the proxy's number of the
    toxic whose hits are counted; 0 for one whose hits can not be."""

    hop: str
    name: str
    words: str
    scope: str
    whom: str
    lasts_s: float
    number: int = 0


@dataclass(slots=True)
class Step:
    """`after_ms` counts from the fault's beginning, `healed_ms` from its end if that came first. `others` are the
    numbers of the entries whose faults may equally be the cause."""

    state: str
    reason: str
    after_ms: int
    healed_ms: int | None = None
    others: tuple[int, ...] = ()


@dataclass(slots=True)
class Entry:
    """`changes` maps (viewer, slot) to the slot's states in order; `before` is its state and reason at the beginning.
    The proxy had the fault at `confirmed_at` at the latest, and no more at `gone_at`."""

    number: int
    fault: Fault
    by: str
    at_ms: int
    began: float
    ends: float
    ended: float | None = None
    confirmed_at: float = 0.0
    gone_at: float = 0.0
    how: str = ""
    hits: str = ""
    closed: bool = False
    changes: dict[tuple[str, str], list[Step]] = field(default_factory=dict)
    before: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    watched: dict[tuple[str, str], None] = field(default_factory=dict)

    def move_beginning(self, began: float) -> None:
        """It turns out to have begun earlier than it was found."""
        for step in itertools.chain.from_iterable(self.changes.values()):
            step.after_ms += _ms(self.began - began)
        self.began = began

    def move_end(self, ended: float) -> None:
        """It ended earlier than was known: what changed since changed after the end."""
        self.ended = ended
        ended_ms = _ms(ended - self.began)
        for step in itertools.chain.from_iterable(self.changes.values()):
            if step.after_ms >= ended_ms:
                step.healed_ms = step.after_ms - ended_ms

    def concerns(self, viewer: str) -> bool:
        return self.fault.scope != "session" or viewer == TESTER

    def settled(self, key: tuple[str, str]) -> bool:
        """Whether the slot is as before, or fresh: another fault may have affected it when this one began. With another
        reason it is not as before."""
        last = self.changes[key][-1]
        return last.state == FRESH or (last.state, last.reason) == self.before[key]

    def untouched(self) -> list[tuple[str, str]]:
        """Slots that were seen all the time and did not change; nothing is claimed of slots on a page that did not
        come."""
        blind = {viewer for viewer, slot in self.changes if slot == PAGE}
        return [key for key in self.watched if key not in self.changes and key[0] not in blind]

    def body(self) -> dict[str, object]:
        """The entry as the page gets it."""
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
    """The last `ENTRIES_MAX` faults, newest first. `may_hit` decides whether a fault on a hop can change a slot."""

    def __init__(self, may_hit: Callable[[str, str], bool]) -> None:
        self._may_hit = may_hit
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self._numbers = itertools.count(1)
        self._seen: dict[tuple[str, str], tuple[str, str]] = {}
        self._changed: dict[tuple[str, str], tuple[str, float]] = {}  # the state before the last change, and its moment

    @property
    def open(self) -> list[Entry]:
        """The entries that are active, or whose after-effects last."""
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
        """This viewer is no longer watched."""
        self._seen = {key: state for key, state in self._seen.items() if key[0] != viewer}

    # --- what was done

    def begin(self, fault: Fault, now: float, at_ms: int, by: str = HERE, *, requested_at: float | None = None) -> None:
        """This fault is active; an older one of the same name on the same hop is replaced. The caller that set it
        reports it last: the poll may have found it on the proxy before. It begins when the caller asked for it, so that
        a slot that fell before the proxy's answer came fell by this fault."""
        if seen := next((entry for entry in self._on() if fault.number and entry.fault.number == fault.number), None):
            seen.by = by
            if requested_at is not None and requested_at < seen.began:
                seen.move_beginning(requested_at)
                self._record_falls(seen, requested_at)
            return
        for entry in self._on():
            if (entry.fault.hop, entry.fault.name) == (fault.hop, fault.name):
                self._end(entry, now, REPLACED)
        began = now if requested_at is None else requested_at
        entry = Entry(next(self._numbers), fault, by, at_ms, began, now + fault.lasts_s, confirmed_at=now)
        entry.watched = dict.fromkeys(self._seen)
        self._entries.appendleft(entry)
        self._record_falls(entry, began - (BY_ITSELF_S if by == ELSEWHERE else 0))

    def _record_falls(self, entry: Entry, since: float) -> None:
        """Slots that were fresh until a moment after `since`, and are not, fell by this fault."""
        for key, (before, moment) in self._changed.items():
            state, reason = self._seen.get(key, (FRESH, ""))
            fell = state != FRESH and before == FRESH and moment >= since
            if not (fell and entry.concerns(key[0]) and self._may_hit(entry.fault.hop, key[1])):
                continue
            after_ms = _ms(moment - entry.began)
            if key in entry.changes:  # what was seen of it since, such as another reason, began with this fall
                entry.before[key] = (before, "")
                entry.changes[key][0].after_ms = after_ms
            else:
                _change(entry, key, (before, ""), Step(state, reason, after_ms), moment)

    def heal(self, hop: str, now: float, *, requested_at: float | None = None) -> None:
        """Everything that was active at `hop` was ended here; at every hop if it is empty. It ends when the caller
        asked for it, so that a slot that was fresh before the proxy's answer came was so after the end."""
        for entry in self._on():
            if hop in ("", entry.fault.hop):
                self._end(entry, now, HERE)
                if requested_at is not None:
                    entry.move_end(max(requested_at, entry.began))

    def follow(self, faults: Iterable[Fault], sampled_at: float, now: float, at_ms: int) -> None:
        """The active faults as the proxy reported them at `sampled_at`; `lasts_s` is the time left."""
        there = {(fault.hop, fault.name): fault for fault in faults}
        on = {(entry.fault.hop, entry.fault.name): entry for entry in self._on()}
        for key, entry in on.items():
            if key in there:
                entry.ends = now + there[key].lasts_s
            elif entry.confirmed_at < sampled_at:
                itself = now >= entry.ends - BY_ITSELF_S
                self._end(entry, min(entry.ends, now) if itself else now, BY_ITSELF if itself else ELSEWHERE)
        for key, fault in there.items():
            if key not in on and not self._ended_since(key, sampled_at):
                self.begin(fault, now, at_ms, ELSEWHERE)
        for entry in self.open:
            if entry.ended is not None and now - entry.ended > LATE_S:
                entry.closed = all(map(entry.settled, entry.changes)) or now - entry.ended > SETTLES_S_MAX

    def count(self, hits: Mapping[int, str]) -> None:
        """The hits of faults so far, in words, by their numbers; the last report is final."""
        for entry in self._entries:
            entry.hits = hits.get(entry.fault.number, entry.hits)

    def _on(self) -> list[Entry]:
        return [entry for entry in self._entries if entry.ended is None]

    def _end(self, entry: Entry, now: float, how: str) -> None:
        entry.ended, entry.gone_at, entry.how = now, now, how

    def _ended_since(self, key: tuple[str, str], sampled_at: float) -> bool:
        ended = [entry for entry in self._entries if (entry.fault.hop, entry.fault.name) == key]
        return any(entry.ended is not None and entry.gone_at >= sampled_at for entry in ended)

    # --- what came of it

    def see(self, viewer: str, slots: Mapping[str, tuple[str, str]], now: float) -> None:
        """The states and reasons of these slots for `viewer` at `now`."""
        for slot, after in slots.items():
            key = (viewer, slot)
            before = self._seen.get(key)
            self._seen[key] = after
            for entry in self.open:
                entry.watched.setdefault(key)
            if before is not None and before != after:
                if before[0] != after[0]:
                    self._changed[key] = (before[0], now)
                causes = self._causes(key, after[0], now)
                for entry in causes:
                    others = tuple(each.number for each in causes if each is not entry)
                    step = Step(*after, _ms(now - entry.began), others=others)
                    _change(entry, key, before, step, now)

    def _causes(self, key: tuple[str, str], state: str, now: float) -> list[Entry]:
        """Every fault that may be the cause: two that can hit the same slot can not be told apart."""
        under_way = [entry for entry in self.open if key in entry.changes and not entry.settled(key)]
        if state == FRESH:
            return under_way
        viewer, slot = key
        concerned = [entry for entry in self.open if entry.ended is None or now - entry.ended <= LATE_S]
        there = [entry for entry in concerned if self._may_hit(entry.fault.hop, slot)]
        # If only a fault for one session can be the cause, it is named: visitors whom it must not hit were hit. If no
        # active fault should hit that slot, any of them may be the cause.
        for chosen in (there, concerned):
            found = [entry for entry in chosen if entry.concerns(viewer)] or chosen
            if found:
                return under_way + [entry for entry in found if entry not in under_way]
        return under_way


def _change(entry: Entry, key: tuple[str, str], before: tuple[str, str], step: Step, now: float) -> None:
    entry.before.setdefault(key, before)
    steps = entry.changes.setdefault(key, [])
    if entry.ended is not None:
        step.healed_ms = _ms(now - entry.ended)
    if len(steps) == STEPS_MAX:
        steps.pop(1)  # the first change shows how fast the fault was seen
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
