"""A player's history: three months at once, by kind and by the page.

Public: `history_view`.

A month's record says on which pages its lines stand and of which kind they are, so a page of any filter is found in
two round trips, however long the history is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bff.contracts.history import (
    HISTORY_LINES,
    MONTHS_REACHABLE,
    MONTHS_SHOWN,
    HistoryData,
    HistoryMonth,
    KindTotals,
    month_before,
    month_of,
)
from bff.contracts.ledger import HistoryMonthState, HistoryPage, MovementLine, history_topic, month_topic
from bff.contracts.view import Freshness, View
from bff.contracts.wallet import wallet_topic
from bff.queries.policy import QueriesPolicy
from bff.queries.projections.months import added, by_kind
from bff.queries.projections.wallets import movement
from bff.queries.view_request import ViewRequest, kinds_of, min_sequence_of, page_of, until_of
from bff.queries.views.breaks import break_of, break_topics
from bff.queries.views.snapshots import ENGINE, LEDGER, commands_of, reached, read_until
from bff.store import Record, Store

Months = Mapping[str, Mapping[int, Mapping[str, KindTotals]]]


@dataclass(frozen=True, slots=True)
class _Place:
    """Lines of one month on one page of the records; `count` of them are asked for."""

    month: str
    page: int
    count: int


async def history_view(store: Store, request: ViewRequest, policy: QueriesPolicy) -> View[HistoryData]:
    """Movements up to the month `until`, at least as far as `min_sequence` when the projection gets there in time."""
    player = request.owner
    wanted, kinds, page = min_sequence_of(request), kinds_of(request, policy.history_kinds_max), page_of(request)
    latest = month_of(datetime.now(UTC))
    earliest = month_before(latest, MONTHS_REACHABLE - 1)
    until = until_of(request, earliest, latest)
    shown = [month for n in range(MONTHS_SHOWN) if (month := month_before(until, n)) >= earliest]
    own, topics = wallet_topic(player.player), {month: month_topic(player.player, month) for month in shown}
    read = [own, *topics.values(), *break_topics(player)]
    snapshot = await read_until(
        store, player.player, read, [LEDGER, ENGINE], policy, lambda snapshot: reached(snapshot.current(own), wanted)
    )
    record, ledger = snapshot.current(own), snapshot.feeds[LEDGER]
    pending = not reached(record, wanted)
    if record is None and ledger.state != "live":
        return View(None, Freshness(state="down"), pending, commands_of(snapshot), break_of(snapshot, player))
    found = {month: snapshot.current(topic) for month, topic in topics.items()}
    months = {month: _pages_of(each, record) for month, each in found.items()}
    places = _places(months, kinds)
    pages = max(1, -(-sum(place.count for place in places) // HISTORY_LINES))
    lines = await _lines(store, player.player, places, min(page, pages), kinds)
    data = HistoryData(
        currency=player.currency,
        lines=[movement(line) for line in lines],
        months=[HistoryMonth(month, _total(each, kinds)) for month, each in months.items()],
        kinds=_counted(months),
        until=until,
        earliest=earliest,
        latest=latest,
        page=min(page, pages),
        pages=pages,
    )
    pending = pending or any(_epoch(each) > _epoch(record) for each in found.values())
    return View(
        data=data,
        freshness=ledger.freshness(record.sequence if record else None),
        pending=pending,
        commands=commands_of(snapshot),
        on_break=break_of(snapshot, player),
    )


def _epoch(record: Record | None) -> str:
    return record.sequence[0] if record else ""


def _pages_of(found: Record | None, wallet: Record | None) -> Mapping[int, Mapping[str, KindTotals]]:
    # What an earlier epoch knew of a month and this one has not told again has not happened.
    if found is None or _epoch(found) < _epoch(wallet):
        return {}
    return found.decode(HistoryMonthState).pages


def _places(months: Months, kinds: frozenset[str]) -> list[_Place]:
    """Where the lines that are asked for stand, newest first."""
    places = []
    for month, pages in months.items():
        for page in sorted(pages, reverse=True):
            count = sum(totals.lines for kind, totals in pages[page].items() if not kinds or kind in kinds)
            if count:
                places.append(_Place(month, page, count))
    return places


def _needed(places: list[_Place], begin: int, end: int) -> tuple[list[_Place], int]:
    """The places that hold lines from `begin` up to `end`, and how many lines of these come before `begin`."""
    needed: list[_Place] = []
    passed = before = 0
    for place in places:
        if passed < end and passed + place.count > begin:
            before = before if needed else begin - passed
            needed.append(place)
        passed += place.count
    return needed, before


async def _lines(
    store: Store, player: str, places: list[_Place], page: int, kinds: frozenset[str]
) -> list[MovementLine]:
    """The lines of one page of the view, newest first."""
    needed, before = _needed(places, (page - 1) * HISTORY_LINES, page * HISTORY_LINES)
    topics = {place.page: history_topic(player, place.page) for place in needed}
    records = await store.get_many(topics.values()) if topics else {}
    lines: list[MovementLine] = []
    for place in needed:
        record = records[topics[place.page]]
        held = record.decode(HistoryPage).lines if record else []
        fitting = [line for line in held if month_of(line.receipt.at) == place.month]
        fitting = [line for line in fitting if not kinds or line.kind in kinds]
        lines += sorted(fitting, key=lambda line: line.ordinal, reverse=True)
    return lines[before:][:HISTORY_LINES]


def _total(pages: Mapping[int, Mapping[str, KindTotals]], kinds: frozenset[str]) -> KindTotals:
    return added(totals for kind, totals in by_kind(pages).items() if not kinds or kind in kinds)


def _counted(months: Months) -> dict[str, int]:
    counts: dict[str, int] = {}
    for pages in months.values():
        for kind, totals in by_kind(pages).items():
            counts[kind] = counts.get(kind, 0) + totals.lines
    return counts
