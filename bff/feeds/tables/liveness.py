"""Whether the tables move: messages that arrive prove a connection, content that moves proves a provider.

Public: `LivenessCheck`, `Liveness`.
Pure: the time of receipt is passed in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

from bff.contracts.tables import TableState
from bff.feeds.policy import TablesPolicy
from bff.feeds.tables.board import is_ahead
from bff.feeds.tables.updates import TableUpdate

_GAPS_MIN = 3  # fewer say nothing about how long a round usually is


class Liveness(StrEnum):
    """What one message says about time."""

    MOVED = "moved"  # it could not have been said before
    SAME = "same"  # nothing new, and nothing of this table was due
    STILL = "still"  # nothing new, though something was due
    AHEAD = "ahead"  # from the future: the provider's clock is wrong


@dataclass(slots=True)
class _Table:
    """What is remembered of one table. `counting` is (seconds left, when that was received, newest round)."""

    since: datetime  # first heard of
    resumed_at: datetime | None = None  # opened, or went on after a pause
    open: bool = False
    paused: bool = False
    stands: bool = False
    overdue: bool = False
    ahead: bool | None = None  # None while no round's moment was received
    counting: tuple[float, datetime, str] | None = None

    @property
    def playing(self) -> bool:
        return self.open and not self.paused


class LivenessCheck:
    """Remembers each table's latest message. `judge` decides on one message, `verdict` on all since its last call.

    A countdown has to fall and a round has to end in time. A table that is closed, paused or between two rounds may
    repeat itself, and that counts as long as no other table shows that time stands still.
    """

    def __init__(self, policy: TablesPolicy) -> None:
        self._policy = policy
        self._tables: dict[str, _Table] = {}
        self._came: set[Liveness] = set()

    def keep_only(self, table_ids: Iterable[str]) -> None:
        """The provider has these tables and no others."""
        self._tables = {each: self._tables[each] for each in table_ids if each in self._tables}

    def judge(self, update: TableUpdate, before: TableState | None, after: TableState, at: datetime) -> Liveness:
        """Judge `update`, which came at `at` and made `after` of `before`."""
        verdict = self._judge(update, before, after, at)
        self._came.add(verdict)
        return verdict

    def verdict(self, now: datetime) -> Liveness | None:
        """What came since the last call: `MOVED` when it can be believed, `AHEAD` when it came from the future.

        None when it was nothing, or proves nothing.
        """
        came, self._came = self._came, set()
        ahead = [table.ahead for table in self._tables.values() if table.playing and table.ahead is not None]
        if 2 * sum(ahead) > len(ahead):
            # One wrong clock is a table's own; most of them are the provider's.
            return Liveness.AHEAD if Liveness.AHEAD in came else None
        return Liveness.MOVED if Liveness.MOVED in came or (Liveness.SAME in came and self._quiet(now)) else None

    def _judge(self, update: TableUpdate, before: TableState | None, after: TableState, at: datetime) -> Liveness:
        table = self._tables.setdefault(update.table_id, _Table(at))
        self._follow_play(table, update, before, after, at)
        ticked = self._count(table, update, after, at)
        if update.newest_at is not None:
            table.ahead = is_ahead(update, at, self._policy)
        table.overdue = table.playing and at > self._due(table, after)
        if table.playing and table.ahead:
            return Liveness.AHEAD
        if table.overdue or table.stands:
            return Liveness.STILL
        return Liveness.MOVED if table.playing and (ticked or after != before) else Liveness.SAME

    def _follow_play(
        self, table: _Table, update: TableUpdate, before: TableState | None, after: TableState, at: datetime
    ) -> None:
        rested = before is not None and (not before.open or table.paused)
        table.open = after.open
        table.paused = table.paused if update.paused is None else update.paused
        if rested and table.playing:
            table.resumed_at = at

    def _count(self, table: _Table, update: TableUpdate, after: TableState, at: datetime) -> bool:
        """Whether a countdown fell; one that did not `stands`."""
        left_s = update.bets_left_s
        if not table.playing or left_s == 0:
            table.counting, table.stands = None, False
        if not table.playing or not left_s:
            return False
        newest = after.results[0].round_id if after.results else ""
        if table.counting is None or self._is_another(table, left_s, newest, at):
            table.counting, table.stands = (left_s, at, newest), False
            return False
        had_s, had_at, _ = table.counting
        passed_s = (at - had_at).total_seconds()
        if passed_s < self._policy.still_s:
            return False
        table.stands = had_s - left_s < passed_s / 2
        if not table.stands:
            table.counting = (left_s, at, newest)
        return not table.stands

    def _is_another(self, table: _Table, left_s: float, newest: str, at: datetime) -> bool:
        assert table.counting is not None, "asked only while one runs"
        had_s, _, had_newest = table.counting
        return newest != had_newest or left_s > had_s or not self._runs(table, at)

    def _runs(self, table: _Table, now: datetime) -> bool:
        if table.counting is None:
            return False
        had_s, had_at, _ = table.counting
        return table.stands or (now - had_at).total_seconds() < had_s + self._policy.still_s

    def _quiet(self, now: datetime) -> bool:
        """Whether nothing is due anywhere: no countdown runs, no round is late."""
        playing = (table for table in self._tables.values() if table.playing)
        return not any(table.overdue or table.ahead or self._runs(table, now) for table in playing)

    def _due(self, table: _Table, after: TableState) -> datetime:
        """When the round under way has to have ended, by what the provider calls the end of the last one."""
        policy = self._policy
        gaps = [(new.at - old.at).total_seconds() for new, old in pairwise(after.results)]
        gaps = [gap for gap in gaps if gap > 0]
        usual_s = median(gaps) if len(gaps) >= _GAPS_MIN else policy.round_s
        usual_s = min(max(usual_s, policy.round_s_min), policy.round_s_max)
        began = after.results[0].at if after.results else table.since
        began = max(began, table.resumed_at) if table.resumed_at else began
        return began + timedelta(seconds=usual_s * policy.round_factor + policy.round_slack_s)
