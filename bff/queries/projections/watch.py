"""Whether every event has come: positions count the stream without gaps.

Public: `Watch`.
"""

from bff.contracts.view import Sequence

ABOVE_MAX = 10_000


class Watch:
    """Counts positions of one epoch. A later epoch begins at 1 again; an earlier one is no news.

    Out of order is not lost: a gap counts as lost once it has stood for `gap_s_max`. Seconds are passed in.
    """

    def __init__(self, gap_s_max: float, at: Sequence | None = None) -> None:
        self._gap_s_max = gap_s_max
        self._above: set[int] = set()
        self._told = 0  # the highest position that is known to have been given
        self._missing_since: float | None = None
        self._older_since: float | None = None
        self.epoch, self.low = at or ("", 0)

    def __repr__(self) -> str:
        return f"<Watch {self.epoch}:{self.low} {len(self._above)} above, told {self._told}>"

    @property
    def at(self) -> Sequence:
        """Everything up to here has come."""
        return self.epoch, self.low

    def seen(self, position: Sequence, now: float) -> None:
        """An event with this position has been handled."""
        if not self._adopt(position[0], now):
            return
        n = position[1]
        self._told = max(self._told, n)
        if n > self.low:
            self._above.add(n)
            while self.low + 1 in self._above:
                self.low += 1
                self._above.remove(self.low)

    def told(self, position: Sequence, now: float) -> bool:
        """The writer says that this is the last position given; whether all up to it has come."""
        if not self._adopt(position[0], now):
            return False
        self._told = max(self._told, position[1])
        return self.low >= position[1]

    def lost(self, now: float) -> str:
        """Why events have to be sent again, or ""."""
        if self._older_since is not None and now - self._older_since > self._gap_s_max:
            return "the writer speaks of an earlier epoch"
        if self.low >= self._told:
            self._missing_since = None
            return ""
        if self._missing_since is None:
            self._missing_since = now
        if now - self._missing_since > self._gap_s_max or len(self._above) > ABOVE_MAX:
            return f"position {self.low + 1} is missing, {self._told} has been given"
        return ""

    def _adopt(self, epoch: str, now: float) -> bool:
        if epoch < self.epoch:
            if self._older_since is None:
                self._older_since = now
            return False
        self._older_since = None
        if epoch > self.epoch:
            self.epoch, self.low, self._told = epoch, 0, 0
            self._above.clear()
            self._missing_since = None
        return True
