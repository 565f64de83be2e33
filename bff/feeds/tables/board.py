"""The current state of all tables, merged from the provider's messages.

Public: `Board`, `is_ahead`.
Pure: the time of receipt is passed in.
"""

from datetime import datetime, timedelta

import msgspec

from bff.contracts.tables import LISTED_RESULTS_MAX, SHORT_CHARS_MAX, RoundResult, TableState
from bff.feeds.policy import TABLES, TablesPolicy
from bff.feeds.reading import BadMessage, moment_of
from bff.feeds.tables.updates import ResultUpdate, TableUpdate

SAME_COUNTDOWN_S = 1.5
_SHORT = {"blackjack": "BJ", "tie": "T"}


class Board:
    """`changed` names the tables that are to be written; whoever writes them clears it.

    `video_url` is where a table's picture is, with `{table_id}` in it; empty where the provider has none.
    """

    def __init__(self, video_url: str = "", policy: TablesPolicy = TABLES) -> None:
        self._video_url = video_url
        self._policy = policy
        self._tables: dict[str, TableState] = {}
        self._listed_ids: set[str] | None = None
        self.changed: set[str] = set()
        self.gone: set[str] = set()

    def __len__(self) -> int:
        return len(self._tables)

    def get(self, table_id: str) -> TableState | None:
        return self._tables.get(table_id)

    def seed(self, tables: list[TableState]) -> None:
        """Begin with what the store holds, so that a restart of this process shows no gap."""
        for table in tables:
            self._tables.setdefault(table.table_id, table)

    def keep_only(self, table_ids: list[str]) -> None:
        """The provider has these tables and no others."""
        self._listed_ids = set(table_ids)
        for table_id in set(self._tables) - self._listed_ids:
            del self._tables[table_id]
            self.gone.add(table_id)
        self.gone -= self._listed_ids

    def touch_all(self) -> None:
        """Everything is to be written again."""
        self.changed |= set(self._tables)

    def apply(self, update: TableUpdate, received_at: datetime) -> bool:
        """Merge `update`; False when it is older than the known state. Raises `BadMessage` when required fields are
        missing.

        Messages carry no number, but rounds only come: one whose newest round is further down on the board, or ended
        before the newest there, is late. No moment of a round is later than its receipt.
        """
        if self._listed_ids is not None and update.table_id not in self._listed_ids:
            raise BadMessage("tableId is none that the provider listed")
        before = self._tables.get(update.table_id)
        if before is not None and _is_late(update, before.results, received_at, self._policy.same_moment_s):
            return False
        table = _merged(before or _first(update), update, received_at, self._policy)
        table = msgspec.structs.replace(table, video=self._video_url.replace("{table_id}", update.table_id))
        if table != before:
            self._tables[update.table_id] = table
            self.changed.add(update.table_id)
        return True

    def listed(self) -> list[TableState]:
        """All tables by name, each with its latest results only."""
        tables = sorted(self._tables.values(), key=lambda table: (table.name, table.table_id))
        return [msgspec.structs.replace(table, results=table.results[:LISTED_RESULTS_MAX]) for table in tables]


def _first(update: TableUpdate) -> TableState:
    if update.name is None or update.kind is None or update.open is None:
        raise BadMessage("a table that was not known yet comes without name, kind or state")
    return TableState(
        table_id=update.table_id,
        name=update.name,
        kind=update.kind,
        open=update.open,
        opens_at=None,
        dealer="",
        limits={},
        seats_taken=0,
        seats_max=0,
        results=[],
    )


def _merged(before: TableState, update: TableUpdate, received_at: datetime, policy: TablesPolicy) -> TableState:
    is_open = before.open if update.open is None else update.open
    limits = before.limits if update.limits is None else {**before.limits, update.currency: update.limits}
    opens_at = update.opens_at or (before.opens_at if update.open is None else None)
    if opens_at is not None and (opens_at - received_at).total_seconds() > policy.opens_s_max:
        opens_at = None
    results = before.results if update.results is None else _results(update.results, before.results, received_at)
    return TableState(
        table_id=before.table_id,
        name=update.name or before.name,
        kind=update.kind or before.kind,
        open=is_open,
        opens_at=None if is_open else opens_at,
        dealer=before.dealer if update.dealer is None else update.dealer,
        limits=limits,
        seats_taken=before.seats_taken if update.seats_taken is None else update.seats_taken,
        seats_max=before.seats_max if update.seats_max is None else update.seats_max,
        results=results,
        bets_close_at=None if is_ahead(update, received_at, policy) else _bets_close_at(update, before, received_at),
    )


def is_ahead(update: TableUpdate, received_at: datetime, policy: TablesPolicy) -> bool:
    """Whether the newest round ended later than now, by more than two clocks may differ."""
    return update.newest_at is not None and (update.newest_at - received_at).total_seconds() > policy.ahead_s_max


def _bets_close_at(update: TableUpdate, before: TableState, received_at: datetime) -> datetime | None:
    """The provider counts down; here it is a moment, which a later message of the same countdown does not move.

    Within one round it is never put off: a countdown that stands still would take bets for ever.
    """
    previous, left_s = before.bets_close_at, update.bets_left_s
    if left_s is None:
        return previous
    if left_s == 0:
        return None
    closes_at = received_at + timedelta(seconds=left_s)
    if previous is None:
        return closes_at
    same_round = not update.results or not before.results or update.results[0].round_id == before.results[0].round_id
    later_s = (closes_at - previous).total_seconds()
    return previous if abs(later_s) < SAME_COUNTDOWN_S or (same_round and later_s > 0) else closes_at


def _results(update: list[ResultUpdate], before: list[RoundResult], received_at: datetime) -> list[RoundResult]:
    """A round keeps the time it was first seen with: the provider writes the same moment in several ways.

    What the provider calls the future has ended by now, since it was sent.
    """
    moments = {result.round_id: result.at for result in before}
    return [
        RoundResult(
            each.value,
            each.color,
            each.round_id,
            moments.get(each.round_id) or min(moment_of(each.time) or received_at, received_at),
            _short(each.value),
        )
        for each in update
    ]


def _short(value: str) -> str:
    """The last word where it fits, as `20` of `Dealer 20`; its first letter where it does not."""
    word = value.rsplit(" ", 1)[-1]
    word = _SHORT.get(word.lower(), word)
    return word if len(word) <= SHORT_CHARS_MAX else word[:1].upper()


def _is_late(update: TableUpdate, before: list[RoundResult], received_at: datetime, same_moment_s: float) -> bool:
    if not update.results or not before or update.results[0].round_id == before[0].round_id:
        return False
    if any(result.round_id == update.results[0].round_id for result in before):
        return True
    # A round that is known from the future, out of a store that an earlier clock wrote, makes nothing late.
    if update.newest_at is None or before[0].at > received_at:
        return False
    return (before[0].at - update.newest_at).total_seconds() > same_moment_s
