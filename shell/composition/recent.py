"""The last outcomes of this process, for the status board.

Public: `Recent`, `FragmentRecord`.
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from shell.composition.ladder import Included

WINDOW_S = 60
KEPT_MAX = 2000


@dataclass(frozen=True, slots=True)
class FragmentRecord:
    """One fragment over the last minute: how often on which rung, and its newest outcome."""

    fragment: str
    counts: dict[str, int]
    last: Included
    at: datetime


class Recent:
    """Bounded memory of outcomes; `now` is seconds since 1970."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._seen: deque[tuple[float, Included]] = deque(maxlen=KEPT_MAX)

    def note(self, included: Included) -> None:
        self._seen.append((self._now(), included))

    def records(self) -> dict[str, FragmentRecord]:
        """By fragment. One that was not asked for in the last minute has no record."""
        since = self._now() - WINDOW_S
        counts: dict[str, Counter[str]] = {}
        last: dict[str, tuple[float, Included]] = {}
        for at, included in self._seen:
            if at >= since:
                counts.setdefault(included.slot.fragment, Counter())[str(included.state)] += 1
                last[included.slot.fragment] = (at, included)
        return {
            name: FragmentRecord(name, dict(counts[name]), seen, datetime.fromtimestamp(at, UTC))
            for name, (at, seen) in last.items()
        }
