"""What the live tables' templates show, decided from the BFF's answers. Pure: no request, no clock, no I/O.

Public: `Grid`, `Room`, `TableCard`, `Chip`, `KINDS`, `grid`, `room`.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from bff.contracts.tables import RoundResult, Table, TableData, TablesData, table_topic
from bff.contracts.view import View
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit.answer import Degraded, rfc3339
from fragments.kit.formats import Formats
from fragments.kit.freshness import AsOf, Note, as_of, judge

KINDS = {"roulette": "Roulette", "blackjack": "Blackjack", "baccarat": "Baccarat", "gameshow": "Game shows"}
_ONE = {**KINDS, "gameshow": "Game show"}
_COLORS = frozenset({"red", "black", "green"})
_CHIP_CHARS_MAX = 4
_CARD_RESULTS_MAX = 7
_UNREACHABLE = "The tables can't be shown right now. They come back by themselves; the rest of the page works."


@dataclass(frozen=True, slots=True)
class Chip:
    """One result: `text` fits a chip, `words` is the whole of it; `color` is a class of the stylesheet or empty."""

    text: str
    words: str
    color: str
    moment: AsOf


@dataclass(frozen=True, slots=True)
class TableCard:
    """One table as text. `seats_max` 0 means unlimited; `state` is `Open` or says when it opens."""

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
    seats_taken: int
    seats_max: int
    chips: list[Chip]
    last: Chip | None


@dataclass(frozen=True, slots=True)
class KindFilter:
    """One choice of the filter, with how many tables it shows."""

    kind: str
    words: str
    count: int


@dataclass(frozen=True, slots=True)
class Grid:
    """The lobby's tables. `cards` is None where nothing is known, empty where no table runs."""

    title: str
    note: Note
    cards: list[TableCard] | None
    filters: list[KindFilter]
    degraded: Degraded | None


@dataclass(frozen=True, slots=True)
class Room:
    """One table's page. `card` is None where nothing is known about it."""

    note: Note
    card: TableCard | None
    degraded: Degraded | None


def grid(answer: View[TablesData] | Failure, formats: Formats, href: str, kind: str = "") -> Grid:
    """All tables, or those of one `kind`; `href` is the table page's pathname with `{table_id}`."""
    title = KINDS[kind] if kind else "Live tables"
    degraded = judge(answer)
    data = None if isinstance(answer, Failure) else answer.data
    if data is None:
        return Grid(title, Note("bad", _UNREACHABLE), None, [], degraded)
    cards = [_card(table, formats, href, _CARD_RESULTS_MAX) for table in data.tables]
    opened = sum(card.open for card in cards)
    good = Note("good", f"{opened} of {len(cards)} open")
    note = _note(degraded, formats) if degraded else good
    return Grid(title, note, cards, [] if kind else _filters(cards), degraded)


def room(answer: View[TableData] | Failure, formats: Formats, href: str) -> Room:
    """One table."""
    degraded = judge(answer)
    data = None if isinstance(answer, Failure) else answer.data
    if data is None:
        words = "This table can't be shown right now. It comes back by itself."
        return Room(Note("bad", words), None, degraded)
    card = _card(data.table, formats, href, 20)
    return Room(_note(degraded, formats) if degraded else Note("good", "Up to date"), card, degraded)


def _note(degraded: Degraded, formats: Formats) -> Note:
    moment = as_of(degraded.as_of, formats)
    if moment is None:
        return Note("warn", "Seats and results may be out of date.")
    if degraded.reason is Reason.FEED_STALE:
        return Note("warn", "Delayed: seats and results as of", moment)
    return Note("warn", "No word from the tables since", moment, ". We keep trying.")


def _filters(cards: list[TableCard]) -> list[KindFilter]:
    counts = [KindFilter(kind, words, sum(card.kind == kind for card in cards)) for kind, words in KINDS.items()]
    return [KindFilter("all", "All", len(cards)), *(one for one in counts if one.count)]


def _card(table: Table, formats: Formats, href: str, results_max: int) -> TableCard:
    chips = [_chip(result, formats) for result in table.results[:results_max]]
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
        seats_taken=table.seats_taken,
        seats_max=table.seats_max,
        chips=chips,
        last=chips[0] if chips else None,
    )


def _limits(table: Table, formats: Formats) -> str:
    if table.limits is None:
        return ""
    least, most = table.limits.bet_min_minor, table.limits.bet_max_minor
    currency = table.limits.currency
    return f"{formats.money_short(least, currency)} – {formats.money_short(most, currency)}"


def _opening(moment: datetime, formats: Formats) -> AsOf:
    return AsOf(rfc3339(moment), formats.short_time(moment))


def _chip(result: RoundResult, formats: Formats) -> Chip:
    color = result.color if result.color in _COLORS else ""
    short = result.value if len(result.value) <= _CHIP_CHARS_MAX else result.value[:1].upper()
    words = f"{result.value} {color}".strip()
    return Chip(short, words, color, AsOf(rfc3339(result.at), formats.clock(result.at)))
