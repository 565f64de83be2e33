"""Display values of the history, decided from the BFF's answer. Pure: no request, no clock, no I/O.

Public: `Wanted`, `History`, `Choice`, `Month`, `wanted_from`, `history`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bff.contracts.history import MONTHS_REACHABLE, MONTHS_SHOWN, HistoryData, HistoryMonth, month_of
from bff.contracts.view import View
from bff.resilience.outcome import Failure
from fragments.kit.answer import Degraded
from fragments.kit.formats import Formats
from fragments.kit.freshness import Note, judge
from fragments.kit.on_break import OnBreak, on_break
from fragments.wallet.display import Line, age_note, line, live_sequence
from fragments.wallet.receipts import Detail, ReceiptCard

# The filter's words -> the ledger's kinds; all of them where none is named.
FILTERS = {
    "": ("All", ()),
    "deposits": ("Deposits", ("deposit",)),
    "withdrawals": ("Withdrawals", ("withdrawal",)),
    "play": ("Bets and wins", ("bet", "win", "prize", "rollback")),
    "bonuses": ("Bonuses", ("bonus",)),
}
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])", re.ASCII)
_PAGE = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)

# Makes a link to this page with another query.
Link = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The parsed query of the page; unknown or hostile values are ignored."""

    until: str = ""
    kind: str = ""
    page: int = 1

    def for_bff(self) -> dict[str, str]:
        """The same as the view's query."""
        return {"until": self.until, "kind": ",".join(FILTERS[self.kind][1]), "page": str(self.page)}

    def for_link(self) -> dict[str, str]:
        """The same as this page's own query, without what goes without saying."""
        return {"until": self.until, "kind": self.kind, "page": str(self.page) if self.page > 1 else ""}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several links; `count` is how many lines it leads to, empty where nobody counted."""

    words: str
    href: str
    current: bool
    count: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the history and where its receipt is."""

    line: Line
    href: str


@dataclass(frozen=True, slots=True)
class Month:
    """A month with the lines of it that stand on this page; its sums are those of the whole month."""

    title: str
    came: str
    went: str
    count: str
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class History:
    """The page. `months` is None where nothing is known; `first` is the newest reference, empty on later pages."""

    note: Note
    windows: list[Choice]
    filters: list[Choice]
    months: list[Month] | None
    newer: str
    older: str
    position: str
    first: str
    detail: Detail | None
    missing: ReceiptCard | None
    back: str
    degraded: Degraded | None
    live_sequence: str = ""
    on_break: OnBreak | None = None

    @property
    def nothing(self) -> bool:
        """Whether no line is of what was asked for."""
        return self.months is not None and not any(month.entries for month in self.months)


def wanted_from(query: Mapping[str, str]) -> Wanted:
    """What a query asks for."""
    until, kind, page = (query.get(name, "") for name in ("until", "kind", "page"))
    return Wanted(
        until if _MONTH.fullmatch(until) else "",
        kind if kind in FILTERS else "",
        int(page) if _PAGE.fullmatch(page) else 1,
    )


def history(
    answer: View[HistoryData] | Failure,
    wanted: Wanted,
    link: Link,
    formats: Formats,
    *,
    detail: Detail | None = None,
    missing: ReceiptCard | None = None,
) -> History:
    """The history as `answer` lets it be shown. `missing` stands for a receipt that can not be read."""
    degraded, standing = judge(answer), on_break(answer, formats)
    back = link(**wanted.for_link())
    if isinstance(answer, Failure) or answer.data is None:
        note = Note("bad", "Your history can't be shown right now. We keep trying.")
        return History(note, [], [], None, "", "", "", "", detail, missing, back, degraded, on_break=standing)
    data = answer.data
    note = age_note(degraded, formats) if degraded else _good_note(answer)
    newer, older = (replace(wanted, page=data.page + step) for step in (-1, 1))
    shown = data.page == 1 and not wanted.kind and data.until == data.latest
    return History(
        note=note,
        windows=_windows(data, wanted, link, formats),
        filters=_filters(data, wanted, link, formats),
        months=[_month(each, data, wanted, link, formats) for each in data.months],
        newer=link(**newer.for_link()) if data.page > 1 else "",
        older=link(**older.for_link()) if data.page < data.pages else "",
        position=f"Page {data.page} of {data.pages}" if data.pages > 1 else "",
        first=data.lines[0].reference if data.lines and shown else "",
        detail=detail,
        missing=missing,
        back=back,
        degraded=degraded,
        live_sequence=live_sequence(answer),
        on_break=standing,
    )


def _good_note(answer: View[HistoryData]) -> Note:
    if answer.pending:
        return Note("warn", "Your latest change is booked and will show here in a moment.")
    return Note("good", "Up to date")


def _windows(data: HistoryData, wanted: Wanted, link: Link, formats: Formats) -> list[Choice]:
    """The year in windows of three months, newest first. Another window begins on its first page."""
    windows = []
    for back in range(0, MONTHS_REACHABLE, MONTHS_SHOWN):
        until = _earlier(data.latest, back)
        words = formats.months(_earlier(until, MONTHS_SHOWN - 1), until)
        href = link(until=until if back else "", kind=wanted.kind)
        windows.append(Choice(words, href, until == data.until))
    return windows


def _filters(data: HistoryData, wanted: Wanted, link: Link, formats: Formats) -> list[Choice]:
    filters = []
    for name, (words, kinds) in FILTERS.items():
        count = sum(lines for kind, lines in data.kinds.items() if not kinds or kind in kinds)
        href = link(until=wanted.until, kind=name)
        filters.append(Choice(words, href, name == wanted.kind, formats.number(count)))
    return filters


def _month(month: HistoryMonth, data: HistoryData, wanted: Wanted, link: Link, formats: Formats) -> Month:
    lines = [movement for movement in data.lines if month_of(movement.at) == month.month]
    totals = month.totals
    return Month(
        title=formats.month(month.month),
        came=formats.money(totals.in_minor, data.currency, signed=True) if totals.in_minor else "",
        went=formats.money(totals.out_minor, data.currency, signed=True) if totals.out_minor else "",
        count=f"{formats.number(totals.lines)} {'line' if totals.lines == 1 else 'lines'}" if totals.lines else "",
        entries=[Entry(line(each, formats), link(**wanted.for_link(), line=each.reference)) for each in lines],
    )


def _earlier(month: str, back: int) -> str:
    count = int(month[:4]) * 12 + int(month[5:]) - 1 - back
    return f"{count // 12:04}-{count % 12 + 1:02}"
