"""The last outcomes of this process, for the status board.

Public: `Recent`, `FragmentRecord`.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shell.composition.ladder import Included

WINDOW = timedelta(seconds=60)
KEPT_MAX = 2000


@dataclass(frozen=True, slots=True)
class FragmentRecord:
    """One fragment over the last minute: how often on which rung, and its newest outcome."""

    fragment: str
    counts: dict[str, int]
    last: Included
    at: datetime


class Recent:
    """Bounded memory of outcomes; `now` is UTC."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._seen: deque[tuple[datetime, Included]] = deque(maxlen=KEPT_MAX)

    def note(self, included: Included) -> None:
        self._seen.append((self._now(), included))

    def records(self) -> dict[str, FragmentRecord]:
        """By fragment. One that was not asked for in the last minute has no record."""
        since = self._now() - WINDOW
        counts: dict[str, Counter[str]] = {}
        last: dict[str, tuple[datetime, Included]] = {}
        for at, included in self._seen:
            if at >= since:
                counts.setdefault(included.slot.fragment, Counter())[str(included.state)] += 1
                last[included.slot.fragment] = (at, included)
        return {name: FragmentRecord(name, dict(counts[name]), seen, at) for name, (at, seen) in last.items()}
