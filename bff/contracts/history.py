"""A player's history as the BFF shows it: three months at once, twelve reachable, by kind and by the page.

Public: `HistoryData`, `HistoryMonth`, `KindTotals`, `MONTHS_SHOWN`, `MONTHS_REACHABLE`, `HISTORY_LINES`, `month_of`,
`month_before`.
Read at `GET /views/history[?until=<YYYY-MM>][&kind=<kind>,<kind>…][&page=<n>][&min_sequence=…]` as `View[HistoryData]`.
Months are UTC's.
"""

from datetime import UTC, datetime

import msgspec

from bff.contracts.money import Currency
from bff.contracts.wallet import Movement

MONTHS_SHOWN = 3
MONTHS_REACHABLE = 12
HISTORY_LINES = 20


def month_of(moment: datetime) -> str:
    """`2026-11`, as UTC has it."""
    return moment.astimezone(UTC).strftime("%Y-%m")


def month_before(month: str, back: int) -> str:
    """The month so many months earlier."""
    count = int(month[:4]) * 12 + int(month[5:]) - 1 - back
    return f"{count // 12:04}-{count % 12 + 1:02}"


class KindTotals(msgspec.Struct, frozen=True, array_like=True):
    """How many lines, and what those that are done moved in and out. Minor units; `out_minor` is negative or zero."""

    lines: int
    in_minor: int
    out_minor: int


class HistoryMonth(msgspec.Struct, frozen=True):
    """One month of what was asked for; of all pages, not only the one that is shown."""

    month: str
    totals: KindTotals


class HistoryData(msgspec.Struct, frozen=True):
    """`lines` has the newest first, at most `HISTORY_LINES`; `page` counts from 1 and is never past `pages`.

    `months` are the three up to `until`, newest first, with what was asked for; `kinds` counts the lines of every kind
    in them, whatever was asked for. `earliest` and `latest` are the months that can be asked for.
    """

    currency: Currency
    lines: list[Movement]
    months: list[HistoryMonth]
    kinds: dict[str, int]
    until: str
    earliest: str
    latest: str
    page: int
    pages: int
