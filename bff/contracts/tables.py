"""Live tables as the BFF shows them.

Public: `TableKind`, `RoundResult`, `Limits`, `Table`, `TablesData`, `TableData`, `TABLES_TOPIC`, `table_topic`.
Answered at `GET /views/tables?currency=EUR[&kind=roulette]` as `View[TablesData]` and at
`GET /views/tables/<table_id>?currency=EUR` as `View[TableData]` (404 `table_unknown`).
"""

from datetime import datetime
from typing import Literal

import msgspec

from bff.contracts.money import Currency

TableKind = Literal["roulette", "blackjack", "baccarat", "gameshow"]

TABLES_TOPIC = "tables"


def table_topic(table_id: str) -> str:
    """The topic of one table."""
    return f"tables.{table_id}"


class RoundResult(msgspec.Struct, frozen=True):
    """One finished round. `color` is `red`, `black`, `green` or empty where the game has none."""

    value: str
    color: str
    round_id: str
    at: datetime


class Limits(msgspec.Struct, frozen=True):
    """Least and most that one bet may be, in minor units of `currency`."""

    bet_min_minor: int
    bet_max_minor: int
    currency: Currency


class Table(msgspec.Struct, frozen=True):
    """One live table. `results` has the newest first, at most 20; `seats_max` is 0 where seats are unlimited."""

    table_id: str
    name: str
    kind: TableKind
    open: bool
    opens_at: datetime | None
    dealer: str
    limits: Limits | None
    seats_taken: int
    seats_max: int
    results: list[RoundResult]


class TablesData(msgspec.Struct, frozen=True):
    """All tables, open ones first."""

    tables: list[Table]


class TableData(msgspec.Struct, frozen=True):
    """One table."""

    table: Table
