"""Live tables as the BFF shows them.

Public: `TableKind`, `RoundResult`, `Limits`, `Table`, `TablesData`, `TableData`, `TableState`, `TABLES_TOPIC`,
`table_topic`, `is_table_id`.
Answered at `GET /views/tables?currency=EUR[&kind=roulette]` as `View[TablesData]` and at
`GET /views/tables/<table_id>?currency=EUR` as `View[TableData]` (404 `table_unknown`).
"""

import re
from datetime import datetime
from typing import Literal

import msgspec

from bff.contracts.money import Currency

TableKind = Literal["roulette", "blackjack", "baccarat", "gameshow"]

TABLES_TOPIC = "tables"
RESULTS_MAX = 20
SHORT_CHARS_MAX = 4
LISTED_RESULTS_MAX = 8  # in a list of all tables, which is read with every lobby


_TABLE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_table_id(text: str) -> bool:
    """Whether a table may have this id."""
    return _TABLE_ID.fullmatch(text) is not None


def table_topic(table_id: str) -> str:
    """The topic of one table."""
    return f"tables.{table_id}"


class RoundResult(msgspec.Struct, frozen=True):
    """One finished round. `color` is `red`, `black`, `green`, `blue` or empty where the game has none.

    `short` is the result in four characters at most, for a chip.
    """

    value: str
    color: str
    round_id: str
    at: datetime
    short: str = ""


class Limits(msgspec.Struct, frozen=True):
    """Least and most that one bet may be, in minor units of `currency`."""

    bet_min_minor: int
    bet_max_minor: int
    currency: Currency


class Table(msgspec.Struct, frozen=True):
    """One live table. `results` has the newest first, at most 20; `seats_max` is 0 where seats are unlimited.

    `video` is the address of an HLS playlist, empty where there is no picture. Bets are taken until `bets_close_at`;
    None, or a moment that has passed, means that none are taken now.
    """

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
    video: str = ""
    bets_close_at: datetime | None = None


class TableState(msgspec.Struct, frozen=True):
    """One live table as feeds keep it: a `Table` with its limits in every currency.

    The query store holds it under `table_topic`, live messages carry it, and the list of all of them stands under
    `TABLES_TOPIC` with at most `LISTED_RESULTS_MAX` results each. A table that the provider took away is `null`.
    """

    table_id: str
    name: str
    kind: TableKind
    open: bool
    opens_at: datetime | None
    dealer: str
    limits: dict[Currency, Limits]
    seats_taken: int
    seats_max: int
    results: list[RoundResult]
    video: str = ""
    bets_close_at: datetime | None = None


class TablesData(msgspec.Struct, frozen=True):
    """All tables, open ones first."""

    tables: list[Table]


class TableData(msgspec.Struct, frozen=True):
    """One table."""

    table: Table
