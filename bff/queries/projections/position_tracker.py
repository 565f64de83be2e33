"""Detects missing events, and a ledger that was set back to an earlier state.

Public: `PositionTracker`.

Positions count the stream without gaps, and each event names the one before it. So a ledger that lost its end, and gave
the same positions once more to other events, contradicts what has been counted: by another event at a position that
was given, by another predecessor, or by a last position that is earlier than what has come.
"""

from collections.abc import Iterable

from bff.contracts.event import Event
from bff.contracts.view import Sequence

ABOVE_MAX = 10_000
# So many of the last positions are remembered with their events.
NAMED_MAX = 1_000


class PositionTracker:
    """Counts positions of one epoch. A later epoch begins at 1 again; an earlier one is no news.

    Out of order is not lost: a gap counts as lost once it has stood for `gap_s_max`. Seconds are passed in. It begins
    behind the event `last_id` at the position `at`; ids are "" where they are not known.
    """

    def __init__(self, gap_s_max: float, at: Sequence | None = None, last_id: str = "") -> None:
        self._gap_s_max = gap_s_max
        self._above: set[int] = set()
        self._highest = 0  # the highest position that is known to have been given
        self._missing_since: float | None = None
        self._doubted_since: float | None = None
        self.doubt = ""  # why the ledger may be another one than before
        self.epoch, self.low = at or ("", 0)
        self._names: dict[int, str] = {self.low: last_id} if last_id else {}

    def __repr__(self) -> str:
        return f"<PositionTracker {self.epoch}:{self.low} {len(self._above)} above, told {self._highest}>"

    @property
    def at(self) -> Sequence:
        """The position up to which every event has been handled."""
        return self.epoch, self.low

    @property
    def is_whole(self) -> bool:
        """Whether no event up to the highest reported position is missing."""
        return self.low >= self._highest

    @property
    def last_id(self) -> str:
        """The id of the event at `at`."""
        return self._names.get(self.low, "")

    def contradiction(self, events: Iterable[Event]) -> tuple[str, str] | None:
        """How these events, in order, deny what has been counted, or each other: the epoch, and what is denied."""
        names: dict[Sequence, str] = {}
        for event in events:
            if event.position is None:
                continue
            epoch, n = event.position
            if (names.get(event.position) or self._name(epoch, n) or event.id) != event.id:
                return epoch, f"position {n} was given to two events"
            before = names.get((epoch, n - 1)) or self._name(epoch, n - 1)
            if before and event.previous_id and before != event.previous_id:
                return epoch, f"position {n} follows another event than the one that came"
            names[event.position] = event.id
        return None

    def seen(self, position: Sequence, now: float, event_id: str = "") -> None:
        """An event with this position has been handled."""
        if not self._adopt(position[0]):
            return
        n = position[1]
        self._highest = max(self._highest, n)
        if n <= self.low:
            return
        self._above.add(n)
        self._names[n] = event_id
        while self.low + 1 in self._above:
            self.low += 1
            self._above.remove(self.low)
            self._names.pop(self.low - NAMED_MAX, None)

    def reported_last(self, position: Sequence, now: float, event_id: str = "") -> bool:
        """Take in the last position that the writer reports; returns whether it is the last one handled. To be called
        in the stream's order.
        """
        if not self._adopt(position[0]):
            self._doubt("the writer speaks of an earlier epoch", now)
            return False
        n = position[1]
        self._highest = max(self._highest, n)
        if n < self.low:
            self._doubt(f"the ledger ends at position {n} and {self.low} had come", now)
        elif n == self.low and event_id and self.last_id not in ("", event_id):
            self._doubt(f"the ledger gave position {n} to another event than the one that came", now)
        else:
            self.doubt, self._doubted_since = "", None
        return n == self.low and not self.doubt

    def lost(self, now: float) -> str:
        """Why a replay is needed, or ""."""
        if self._doubted_since is not None and now - self._doubted_since > self._gap_s_max:
            return self.doubt
        if self.low >= self._highest:
            self._missing_since = None
            return ""
        if self._missing_since is None:
            self._missing_since = now
        if now - self._missing_since > self._gap_s_max or len(self._above) > ABOVE_MAX:
            return f"position {self.low + 1} is missing, {self._highest} has been given"
        return ""

    def _name(self, epoch: str, n: int) -> str:
        return self._names.get(n, "") if epoch == self.epoch else ""

    def _doubt(self, why: str, now: float) -> None:
        """A delayed writer may publish last, so its position counts only if no other contradicts it for a while."""
        self.doubt = why
        if self._doubted_since is None:
            self._doubted_since = now

    def _adopt(self, epoch: str) -> bool:
        if epoch < self.epoch:
            return False
        if epoch > self.epoch:
            self.epoch, self.low, self._highest = epoch, 0, 0
            self._above.clear()
            self._names.clear()
            self._missing_since = self._doubted_since = None
            self.doubt = ""
        return True
