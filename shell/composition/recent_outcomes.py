"""The last outcomes of this process, for the status board.

Public: `RecentOutcomes`, `FragmentRecord`.
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from shell.composition.ladder import Included

WINDOW_S = 60


@dataclass(frozen=True, slots=True)
class FragmentRecord:
    """One fragment over the last minute: how often on which rung, and its newest outcome."""

    fragment: str
    counts: dict[str, int]
    last: Included
    at: datetime


class RecentOutcomes:
    """Outcomes counted by fragment and second, so that a flood of one fragment neither shortens the minute nor pushes
    another out. Bounded by the fragments that pages name; `now` is seconds since 1970.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._seen: dict[str, _Seen] = {}

    def note(self, included: Included) -> None:
        fragment = included.slot.fragment
        seen = self._seen.get(fragment)
        if seen is None:
            seen = self._seen[fragment] = _Seen()
        seen.note(included, self._now())

    def records(self) -> dict[str, FragmentRecord]:
        """By fragment. A fragment without an include in the last minute has no record."""
        since = self._now() - WINDOW_S
        return {
            name: FragmentRecord(name, seen.counts(since), seen.last, datetime.fromtimestamp(seen.at, UTC))
            for name, seen in self._seen.items()
            if seen.last is not None and seen.at > since
        }


class _Seen:
    """The outcomes of one fragment."""

    __slots__ = ("_seconds", "at", "last")

    def __init__(self) -> None:
        self.last: Included | None = None
        self.at = 0.0
        self._seconds: deque[tuple[int, dict[str, int]]] = deque(maxlen=WINDOW_S)

    def note(self, included: Included, at: float) -> None:
        self.last, self.at = included, at
        second = int(at)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, {}))
        counted = self._seconds[-1][1]
        counted[included.state] = counted.get(included.state, 0) + 1

    def counts(self, since: float) -> dict[str, int]:
        """How often on which rung after `since`, to the second."""
        sums: Counter[str] = Counter()
        for second, counted in self._seconds:
            if second > since:
                sums.update({str(state): count for state, count in counted.items()})
        return dict(sums)
