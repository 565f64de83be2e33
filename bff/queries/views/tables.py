"""Live tables.

Public: `tables_view`, `table_view`.
"""

from typing import get_args

import msgspec

from bff.contracts.tables import TABLES_TOPIC, Table, TableData, TableKind, TablesData, TableState, table_topic
from bff.contracts.view import Freshness, View
from bff.queries.refusal import ViewRefused
from bff.queries.view_request import ViewRequest, currency_of
from bff.queries.views.breaks import break_of, break_topics
from bff.queries.views.snapshots import ENGINE, LEDGER, commands_of, read_of
from bff.store import Store

FEED = "tables"
_NEVER = Freshness(state="down")


async def tables_view(store: Store, request: ViewRequest) -> View[TablesData]:
    """All tables, or those of one `kind`, with limits in `currency`; open ones first."""
    currency = currency_of(request)
    kind = request.query.get("kind")
    if kind is not None and kind not in get_args(TableKind):
        raise ViewRefused(
            400, "kind_invalid", "There is no such kind of table.", {"kind": ", ".join(get_args(TableKind))}
        )
    snapshot = await store.read([TABLES_TOPIC], [FEED, ENGINE])
    record = snapshot.records[TABLES_TOPIC]
    if record is None:
        return View(data=None, freshness=_NEVER, commands=commands_of(snapshot))
    tables = [_shown(table, currency) for table in record.decode(list[TableState]) if kind in (None, table.kind)]
    tables.sort(key=lambda table: not table.open)
    freshness = snapshot.feeds[FEED].freshness(record.sequence)
    return View(data=TablesData(tables), freshness=freshness, commands=commands_of(snapshot))


async def table_view(store: Store, request: ViewRequest) -> View[TableData]:
    """One table with limits in `currency`; it includes the asking player's break where they may read it."""
    currency = currency_of(request)
    try:
        topic = table_topic(request.name)
        topics = [topic, TABLES_TOPIC, *break_topics(request.player)]
        player = request.player.player if request.player else ""
        snapshot = await read_of(store, player, topics, [FEED, LEDGER, ENGINE])
    except ValueError:
        raise _unknown(request.name) from None
    record, listed = snapshot.records[topic], snapshot.records[TABLES_TOPIC]
    if record is None and listed is None:
        return View(None, _NEVER, commands=commands_of(snapshot), on_break=break_of(snapshot, request.player))
    state = record.decode(TableState | None) if record is not None else None  # type: ignore[arg-type]  # msgspec takes unions
    if record is None or state is None:
        raise _unknown(request.name)
    freshness = snapshot.feeds[FEED].freshness(record.sequence)
    return View(
        data=TableData(_shown(state, currency)),
        freshness=freshness,
        commands=commands_of(snapshot),
        on_break=break_of(snapshot, request.player),
    )


def _unknown(table_id: str) -> ViewRefused:
    return ViewRefused(404, "table_unknown", f"There is no table {table_id[:64]!r}.")


def _shown(state: TableState, currency: str) -> Table:
    fields = msgspec.structs.asdict(state)
    return Table(**fields | {"limits": state.limits.get(currency)})
