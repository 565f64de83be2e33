"""Display values of the catalogue's templates, decided from the BFF's answer. Pure: no request, no clock, no I/O.

Public: `Catalogue`, `Shelf`, `catalogue`, `shelf`.
"""

from dataclasses import dataclass, replace

from bff.contracts.games import SEARCH_CHARS_MAX, GamesData
from bff.contracts.page_head import TITLE_CHARS_MAX, PageHead
from bff.contracts.view import View
from bff.resilience.outcome import Failure
from fragments.games import choices, freshness
from fragments.games.cards import Cards, GameCard, act_of
from fragments.games.choices import Choice, Empty
from fragments.games.freshness import Late
from fragments.games.page_request import Notice, PageRequest
from fragments.games.search import CATALOGUE_SLOT, CATEGORIES, FIELDS, Search
from fragments.kit.answer import Degraded
from fragments.kit.formats import Formats
from fragments.kit.freshness import Note
from fragments.kit.on_break import OnBreak, on_break

SHELF_MAX = 4
NAMES = {name: f"{CATALOGUE_SLOT}.{name}" for name in FIELDS}


@dataclass(frozen=True, slots=True)
class Shelf:
    """The lobby's part. `cards` is None where nothing is known, empty where there is no game."""

    note: Note
    late: list[Late]
    title: str
    cards: list[GameCard] | None
    categories: list[Choice]
    all: str
    back: str
    sign_in: str
    notice: Notice | None
    paused: bool
    degraded: Degraded | None
    on_break: OnBreak | None = None
    names = NAMES
    search_chars_max = SEARCH_CHARS_MAX

    @property
    def is_announced(self) -> bool:
        """Whether something else of the slot is read out already."""
        return self.notice is not None or bool(self.late)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The page. `cards` is None where nothing is known; where it is empty, `empty` says what to do."""

    title: str
    note: Note
    late: list[Late]
    search: Search
    providers: list[Choice]
    sorts: list[Choice]
    categories: list[Choice]
    recent: list[GameCard]
    cards: list[GameCard] | None
    empty: Empty | None
    previous: str
    position: str
    next: str
    back: str
    sign_in: str
    notice: Notice | None
    paused: bool
    degraded: Degraded | None
    on_break: OnBreak | None
    head: PageHead
    names = NAMES
    search_chars_max = SEARCH_CHARS_MAX

    @property
    def is_announced(self) -> bool:
        """Whether something else of the slot is read out already."""
        return self.notice is not None or bool(self.late)


def shelf(
    answer: View[GamesData] | Failure,
    formats: Formats,
    page_request: PageRequest,
    *,
    notice: Notice | None = None,
    failure: Failure | None = None,
) -> Shelf:
    """A player's recent games, else the first games of the catalogue. `failure`: see `judge`."""
    degraded, standing = freshness.judged(answer, page_request, failure), on_break(answer, formats)
    data = None if isinstance(answer, Failure) else answer.data
    paused = freshness.is_paused(degraded)
    if data is None:
        return Shelf(
            freshness.UNREACHABLE, [], "", None, [], "", "", page_request.sign_in, notice, paused, degraded, standing
        )
    cards = Cards(data, formats, page_request, act_of(page_request, paused, standing))
    recent = cards.of(data.recent[:SHELF_MAX])
    title = "Recently played" if recent else "New and popular"
    rest = [game for game in data.games if game.game_id not in {card.game_id for card in recent}]
    return Shelf(
        note=freshness.note(degraded, failure, data, formats),
        late=freshness.late_providers(data, formats, failure),
        title=title,
        cards=[*recent, *cards.of(rest[: SHELF_MAX - len(recent)])],
        categories=choices.categories(data, Search(), page_request.pathname, formats, everything=False),
        all=f"All {formats.number(data.total)} games" if data.total else "All games",
        back="",
        sign_in=page_request.sign_in,
        notice=notice,
        paused=paused,
        degraded=degraded,
        on_break=standing,
    )


def catalogue(
    answer: View[GamesData] | Failure,
    formats: Formats,
    page_request: PageRequest,
    *,
    notice: Notice | None = None,
    failure: Failure | None = None,
) -> Catalogue:
    """One page of the games that were asked for. `failure`: see `judge`."""
    degraded, standing = freshness.judged(answer, page_request, failure), on_break(answer, formats)
    data = None if isinstance(answer, Failure) else answer.data
    search, paused = page_request.search, freshness.is_paused(degraded)
    title, sorts, back = _title(search), choices.sorts(search), search.link(page_request.pathname)
    head = _head(title, search, page_request.pathname)
    if data is None:
        return Catalogue(
            title, freshness.UNREACHABLE, [], search, [], sorts, [], [], None, None, "", "", "", back,
            page_request.sign_in, notice, paused, degraded, standing, head,
        )  # fmt: skip
    cards = Cards(data, formats, page_request, act_of(page_request, paused, standing))
    before, after = (replace(search, page=data.page + step).link(page_request.pathname) for step in (-1, 1))
    return Catalogue(
        title=title,
        note=freshness.note(degraded, failure, data, formats),
        late=freshness.late_providers(data, formats, failure),
        search=search,
        providers=choices.providers(data, search, formats),
        sorts=sorts,
        categories=choices.categories(data, search, page_request.pathname, formats, everything=True),
        recent=[] if search.fields else cards.of(data.recent),
        cards=cards.of(data.games),
        empty=None if data.games else choices.empty(search, page_request.pathname, page_request.sign_in),
        previous=before if data.page > 1 else "",
        position=f"Page {formats.number(data.page)} of {formats.number(data.pages)}" if data.pages > 1 else "",
        next=after if data.page < data.pages else "",
        back=back,
        sign_in=page_request.sign_in,
        notice=notice,
        paused=paused,
        degraded=degraded,
        on_break=standing,
        head=head,
    )


def _title(search: Search) -> str:
    if search.search:
        return f"“{search.search}”"
    return next((words for category, words in CATEGORIES.items() if category == search.category), "All games")


def _head(title: str, search: Search, pathname: str) -> PageHead:
    words = title if search.narrows else "Games"
    # Search engines index one page for the list, not one for each order and filter.
    return PageHead(words[:TITLE_CHARS_MAX], canonical=pathname, robots="noindex" if search.fields else "")
