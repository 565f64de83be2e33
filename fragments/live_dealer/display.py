"""Display values of the live tables' templates, decided from the BFF's answers. Pure: no request, no clock, no I/O.

Public: `Grid`, `Room`, `TableCard`, `Chip`, `Choice`, `Pathnames`, `KINDS`, `ALL`, `grid`, `room`.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from urllib.parse import quote

from bff.contracts.page_head import TITLE_CHARS_MAX, WORDS_CHARS_MAX, OpenGraph, PageHead
from bff.contracts.tables import SHORT_CHARS_MAX, RoundResult, Table, TableData, TablesData, table_topic
from bff.contracts.view import View
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit.answer import Degraded, rfc3339
from fragments.kit.formats import Formats
from fragments.kit.freshness import AsOf, Note, as_of, judge

KINDS = {"roulette": "Roulette", "blackjack": "Blackjack", "baccarat": "Baccarat", "gameshow": "Game shows"}
ALL = "all"
_ONE = {**KINDS, "gameshow": "Game show"}
_COLORS = frozenset({"red", "black", "green", "blue"})
_CARD_RESULTS_MAX = 7
_ROOM_RESULTS_MAX = 20
_SELECTION_MAX = 12  # three or four full rows; the rest is one link away
_UNREACHABLE = "The tables can't be shown right now. We keep trying."


@dataclass(frozen=True, slots=True)
class Chip:
    """One result: `text` fits a chip, `words` is the whole of it; `color` is one of the stylesheet's or empty.

    `place` counts from the newest, which is 0.
    """

    text: str
    words: str
    color: str
    place: int


@dataclass(frozen=True, slots=True)
class TableCard:
    """One table as text. `seats_max` 0 means unlimited; `state` is `Open` or says when it opens.

    `newest` names the round of the first chip; it is empty without one. What is not `current` says nothing of this
    moment: no state, no seats.
    """

    href: str
    topic: str
    name: str
    kind: str
    kind_words: str
    dealer: str
    open: bool
    state: str
    opens: AsOf | None
    limits: str
    seats_taken: str
    seats_max: int
    chips: list[Chip]
    last: Chip | None
    newest: str
    current: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One link of the filter, with how many tables it leads to, None where that is not known at this moment."""

    href: str
    words: str
    count: int | None
    current: bool


@dataclass(frozen=True, slots=True)
class Pathnames:
    """Where the shell's pages are: `table` holds `{table_id}`, `kind` holds `{kind}`."""

    table: str
    kind: str


@dataclass(frozen=True, slots=True)
class Grid:
    """`cards` is None where nothing is known, empty where no table runs; `more` leads to those that are not shown."""

    title: str
    note: Note
    cards: list[TableCard] | None
    choices: list[Choice]
    more: Choice | None
    degraded: Degraded | None


@dataclass(frozen=True, slots=True)
class Room:
    """One table's page. `card` is None where nothing is known about it.

    `video` is empty where there is no picture to be had; `closes` is when this round's bets close, None while none are
    taken; `as_of` and `age_s` say how old the numbers were when the page was made.
    """

    note: Note
    card: TableCard | None
    degraded: Degraded | None
    video: str = ""
    closes: AsOf | None = None
    as_of: AsOf | None = None
    age_s: int = 0

    @property
    def head(self) -> PageHead | None:
        """What the page of this table is called, and how it looks where somebody shares it."""
        if self.card is None:
            return None
        description = f"{self.card.kind_words} at {self.card.name}, live."
        return PageHead(
            self.card.name[:TITLE_CHARS_MAX],
            description[:WORDS_CHARS_MAX],
            self.card.href,
            open_graph=OpenGraph(type="website"),
        )


def grid(
    answer: View[TablesData] | Failure,
    formats: Formats,
    paths: Pathnames,
    kind: str = "",
    failure: Failure | None = None,
) -> Grid:
    """The tables of one `kind`, `all` of them, or, without a kind, the lobby's selection from every kind.

    While nothing is heard of them they have names and links, and no number. `failure`: see `judge`.
    """
    title = KINDS.get(kind, "All tables" if kind else "Live tables")
    degraded = judge(answer, failure=failure)
    data = None if isinstance(answer, Failure) else answer.data
    if data is None:
        return Grid(title, Note("bad", _UNREACHABLE), None, [], None, degraded)
    tables = [table for table in data.tables if kind in ("", ALL, table.kind)]
    shown = tables if kind else _selection(tables)
    opened = sum(table.open for table in tables)
    current = _is_current(degraded)
    choices = _choices(data.tables, paths, kind, counted=current)
    return Grid(
        title=title,
        note=_note(degraded, formats) if degraded else Note("good", f"{opened} of {len(tables)} open"),
        cards=[_card(table, formats, paths.table, _CARD_RESULTS_MAX if current else 0, current) for table in shown],
        choices=choices,
        more=choices[0] if not kind and shown else None,
        degraded=degraded,
    )


def room(
    answer: View[TableData] | Failure, formats: Formats, href: str, now: datetime, failure: Failure | None = None
) -> Room:
    """One table as it is at `now`. `failure`: see `judge`."""
    degraded = judge(answer, failure=failure)
    data = None if isinstance(answer, Failure) else answer.data
    if data is None:
        words = "This table can't be shown right now. We keep trying."
        return Room(Note("bad", words), None, degraded)
    table, moment = data.table, answer.freshness.as_of if isinstance(answer, View) else None
    closes_at = table.bets_close_at if table.open and degraded is None else None
    return Room(
        _note(degraded, formats) if degraded else Note("good", "Up to date"),
        _card(table, formats, href, _ROOM_RESULTS_MAX, _is_current(degraded)),
        degraded,
        video=table.video if table.open and table.video.startswith(("https://", "http://")) else "",
        closes=AsOf(rfc3339(closes_at), f"until {formats.clock(closes_at)}") if closes_at and closes_at > now else None,
        as_of=as_of(moment, formats),
        age_s=max(0, round((now - moment).total_seconds())) if moment else 0,
    )


def _note(degraded: Degraded, formats: Formats) -> Note:
    moment = as_of(degraded.as_of, formats)
    if moment is None:
        return Note("warn", "Seats and results may be out of date.")
    if degraded.reason is Reason.FEED_STALE:
        return Note("warn", "Delayed: seats and results as of", moment)
    return Note("warn", "No word from the tables since", moment)


def _is_current(degraded: Degraded | None) -> bool:
    # Late data is shown with its time; of a silent feed no state is shown.
    return degraded is None or degraded.reason is Reason.FEED_STALE


def _choices(tables: list[Table], paths: Pathnames, kind: str, *, counted: bool) -> list[Choice]:
    counts = {one: sum(table.kind == one for table in tables) for one in KINDS}
    offered = {ALL: "All"} | {one: words for one, words in KINDS.items() if counts[one] or one == kind}
    counts[ALL] = len(tables)
    return [
        Choice(paths.kind.format(kind=one), words, counts[one] if counted else None, one == kind)
        for one, words in offered.items()
    ]


def _selection(tables: list[Table]) -> list[Table]:
    """Open tables of every kind in turn, in the order they came; closed ones only where there is room left."""
    turns = zip_longest(*([table for table in tables if table.kind == kind and table.open] for kind in KINDS))
    opened = [table for turn in turns for table in turn if table is not None]
    return [*opened, *(table for table in tables if not table.open)][:_SELECTION_MAX]


def _card(table: Table, formats: Formats, href: str, results_max: int, current: bool) -> TableCard:
    chips = [_chip(place, result) for place, result in enumerate(table.results[:results_max])]
    opens = None if table.open or table.opens_at is None else _opening(table.opens_at, formats)
    return TableCard(
        href=href.format(table_id=quote(table.table_id, safe="")),
        topic=table_topic(table.table_id),
        name=table.name,
        kind=table.kind,
        kind_words=_ONE[table.kind],
        dealer=table.dealer,
        open=table.open,
        state="Open" if table.open else ("Opens" if opens else "Closed"),
        opens=opens,
        limits=_limits(table, formats),
        seats_taken=formats.number(table.seats_taken),
        seats_max=table.seats_max,
        chips=chips,
        last=chips[0] if chips else None,
        newest=table.results[0].round_id if table.results else "",
        current=current,
    )


def _limits(table: Table, formats: Formats) -> str:
    if table.limits is None:
        return ""
    least, most = table.limits.bet_min_minor, table.limits.bet_max_minor
    currency = table.limits.currency
    return f"{formats.money_short(least, currency)} – {formats.money_short(most, currency)}"


def _opening(moment: datetime, formats: Formats) -> AsOf:
    return AsOf(rfc3339(moment), formats.short_time(moment))


def _chip(place: int, result: RoundResult) -> Chip:
    color = result.color if result.color in _COLORS else ""
    return Chip((result.short or result.value)[:SHORT_CHARS_MAX], result.value, color, place)
