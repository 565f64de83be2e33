"""What the catalogue's templates show, decided from the BFF's answer. Pure: no request, no clock, no I/O.

Public: `Catalogue`, `Shelf`, `GameCard`, `Choice`, `Empty`, `Notice`, `Late`, `Asking`, `catalogue`, `shelf`.
"""

from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from bff.contracts.games import SEARCH_CHARS_MAX, Game, GamesData, GamesProvider
from bff.contracts.page_head import TITLE_CHARS_MAX, PageHead
from bff.contracts.view import View
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.games.art import Art, art_of
from fragments.games.search import CATALOGUE_SLOT, CATEGORIES, FIELDS, OF_PLAYER, SORTS, Search
from fragments.kit.answer import Degraded
from fragments.kit.formats import Formats
from fragments.kit.freshness import AsOf, Note, as_of, judge
from fragments.kit.on_break import OnBreak, on_break

SHELF_MAX = 6
NAMES = {name: f"{CATALOGUE_SLOT}.{name}" for name in FIELDS}
_OF_FEEDS = (Reason.FEED_STALE, Reason.FEED_DOWN)
_UNREACHABLE = Note("bad", "Games can't be shown right now. We keep trying.")


@dataclass(frozen=True, slots=True)
class Asking:
    """The reader of a page and its address: `pathname` is the catalogue's page, `sign_in` is empty for a player.
    `marked` is a favourite that the engine has just confirmed, before the read side shows it.
    """

    search: Search
    pathname: str
    sign_in: str
    keys: str
    marked: tuple[str, bool] | None = None


@dataclass(frozen=True, slots=True)
class GameCard:
    """One game. `rtp` is what it returns, empty where nobody says; `badge` one word or none.

    `act` is `play`, `paused` (not at this moment), `closed` (by its provider), `break`, or `visitor`.
    """

    game_id: str
    name: str
    provider: str
    rtp: str
    art: Art
    badge: str
    act: Literal["play", "paused", "closed", "break", "visitor"]
    favourite: bool
    key: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several links or options; `count` is how many games it leads to, empty where nobody counted."""

    words: str
    current: bool
    href: str = ""
    value: str = ""
    count: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    """Why no game is shown, and what to do: `href` under the name `words`."""

    title: str
    advice: str
    words: str
    href: str


@dataclass(frozen=True, slots=True)
class Notice:
    """The result of a player's action. One that `closes` stays until the player closes it."""

    tone: Literal["good", "warn", "bad"]
    words: str
    closes: bool = True
    ends: str = ""


@dataclass(frozen=True, slots=True)
class Late:
    """A provider whose games may be out of date, since `moment` where that is known; `why` may be empty."""

    name: str
    moment: AsOf | None
    why: str


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
    asking: Asking,
    *,
    notice: Notice | None = None,
    failure: Failure | None = None,
) -> Shelf:
    """A player's recent and favourite games, else the first games of the catalogue. `failure`: see `judge`."""
    degraded, standing = _judged(answer, asking, failure), on_break(answer, formats)
    data = None if isinstance(answer, Failure) else answer.data
    paused = _is_paused(degraded)
    if data is None:
        return Shelf(_UNREACHABLE, [], "", None, [], "", "", asking.sign_in, notice, paused, degraded, standing)
    cards = _Cards(data, formats, asking, _act(asking, paused, standing))
    recent = cards.of(data.recent[:SHELF_MAX])
    title = "Recently played" if recent else "New and popular"
    rest = [game for game in data.games if game.game_id not in {card.game_id for card in recent}]
    return Shelf(
        note=_note(degraded, failure, data, formats),
        late=_late(data, formats, failure),
        title=title,
        cards=[*recent, *cards.of(rest[: SHELF_MAX - len(recent)])],
        categories=_categories(data, Search(), asking.pathname, formats, everything=False),
        all=f"All {formats.number(data.total)} games" if data.total else "All games",
        back="",
        sign_in=asking.sign_in,
        notice=notice,
        paused=paused,
        degraded=degraded,
        on_break=standing,
    )


def catalogue(
    answer: View[GamesData] | Failure,
    formats: Formats,
    asking: Asking,
    *,
    notice: Notice | None = None,
    failure: Failure | None = None,
) -> Catalogue:
    """One page of the games that were asked for. `failure`: see `judge`."""
    degraded, standing = _judged(answer, asking, failure), on_break(answer, formats)
    data = None if isinstance(answer, Failure) else answer.data
    search, paused = asking.search, _is_paused(degraded)
    title = _title(search)
    head = _head(title, search, asking.pathname)
    sorts = [Choice(words, value == (search.sort or "best"), value=value) for value, words in SORTS.items()]
    back = search.link(asking.pathname)
    if data is None:
        return Catalogue(
            title, _UNREACHABLE, [], search, [], sorts, [], [], None, None, "", "", "", back, asking.sign_in, notice,
            paused, degraded, standing, head,
        )  # fmt: skip
    cards = _Cards(data, formats, asking, _act(asking, paused, standing))
    before, after = (replace(search, page=data.page + step).link(asking.pathname) for step in (-1, 1))
    return Catalogue(
        title=title,
        note=_note(degraded, failure, data, formats),
        late=_late(data, formats, failure),
        search=search,
        providers=[
            Choice(
                f"{one.name} ({formats.number(one.count)})", one.provider_id == search.provider, value=one.provider_id
            )
            for one in data.providers
        ],
        sorts=sorts,
        categories=_categories(data, search, asking.pathname, formats, everything=True),
        recent=[] if search.fields else cards.of(data.recent),
        cards=cards.of(data.games),
        empty=None if data.games else _empty(search, asking.pathname, asking.sign_in),
        previous=before if data.page > 1 else "",
        position=f"Page {formats.number(data.page)} of {formats.number(data.pages)}" if data.pages > 1 else "",
        next=after if data.page < data.pages else "",
        back=back,
        sign_in=asking.sign_in,
        notice=notice,
        paused=paused,
        degraded=degraded,
        on_break=standing,
        head=head,
    )


def _judged(answer: View[GamesData] | Failure, asking: Asking, failure: Failure | None) -> Degraded | None:
    degraded = judge(answer, acts=not asking.sign_in, failure=failure)
    data = None if isinstance(answer, Failure) else answer.data
    late = [one for one in data.providers if one.state != "live"] if data and degraded else []
    if degraded is None or degraded.reason not in _OF_FEEDS or not late:
        return degraded
    return replace(degraded, upstream=f"games-{late[0].provider_id}")


def _is_paused(degraded: Degraded | None) -> bool:
    return degraded is not None and degraded.reason is Reason.ENGINE_DOWN


def _act(asking: Asking, paused: bool, standing: OnBreak | None) -> Literal["play", "paused", "break", "visitor"]:
    if asking.sign_in:
        return "visitor"
    if standing is not None:
        return "break"
    return "paused" if paused else "play"


def _note(degraded: Degraded | None, failure: Failure | None, data: GamesData, formats: Formats) -> Note:
    late = any(one.state != "live" for one in data.providers)
    if degraded is not None and (failure is not None or (degraded.reason in _OF_FEEDS and not late)):
        return Note("warn", "No word from the catalogue since", as_of(degraded.as_of, formats))
    return Note("good", "1 game" if data.total == 1 else f"{formats.number(data.total)} games")


def _late(data: GamesData, formats: Formats, failure: Failure | None) -> list[Late]:
    """None beside an answer that stands in for another: its own moment is said of all of them."""
    late = [one for one in data.providers if one.state != "live"] if failure is None else []
    return [Late(one.name, as_of(one.as_of, formats), one.held) for one in late]


def _title(search: Search) -> str:
    if search.search:
        return f"“{search.search}”"
    return next((words for category, words in CATEGORIES.items() if category == search.category), "All games")


def _head(title: str, search: Search, pathname: str) -> PageHead:
    words = title if search.narrows else "Games"
    # Search engines index one page for the list, not one for each order and filter.
    return PageHead(words[:TITLE_CHARS_MAX], canonical=pathname, robots="noindex" if search.fields else "")


def _categories(data: GamesData, search: Search, pathname: str, formats: Formats, *, everything: bool) -> list[Choice]:
    """Kinds that hold a game, in the house's order; before them `everything`, else without what was played."""
    counts = {each.category: each.count for each in data.categories}

    def choice(category: str, words: str, count: int) -> Choice:
        href = replace(search, category=category, page=1).link(pathname)
        return Choice(words, category == search.category, href, count=formats.number(count))

    found = [
        choice(category, words, counts.get(category, 0))
        for category, words in CATEGORIES.items()
        if (counts.get(category) or category == search.category) and (everything or category != "recent")
    ]
    total = sum(count for category, count in counts.items() if category not in OF_PLAYER)
    return [choice("", "All", total), *found] if everything else found


def _empty(search: Search, pathname: str, sign_in: str) -> Empty:
    if sign_in and search.category in OF_PLAYER:
        return Empty("Yours are shown when you are signed in", "They are kept with your account.", "Sign in", sign_in)
    if search.category == "favourites" and not search.search:
        advice = "Press the heart on a game, and it is kept here."
        return Empty("You have no favourites here yet", advice, "Show all games", pathname)
    if search.category == "recent" and not search.search:
        return Empty("You have not played here lately", "What you play is kept here.", "Show all games", pathname)
    if search.search and (search.provider or search.category):
        wider = Search(search=search.search).link(pathname)
        title = f"No game called “{search.search}” with these filters"
        return Empty(title, "It may be there without them.", "Search all games", wider)
    if search.search:
        advice = "Look at the spelling, or try the first letters of its name."
        return Empty(f"No game is called “{search.search}”", advice, "Show all games", pathname)
    advice = "Nothing is hidden: as soon as a provider lists games they appear here."
    return Empty("No game is here at the moment", advice, "Show all games" if search.fields else "", pathname)


class _Cards:
    """Games of one answer as cards."""

    def __init__(self, data: GamesData, formats: Formats, asking: Asking, act: str) -> None:
        self._providers: dict[str, GamesProvider] = {one.provider_id: one for one in data.providers}
        self._formats, self._asking, self._act = formats, asking, act
        self._numbers = count()

    def of(self, games: list[Game]) -> list[GameCard]:
        return [self._card(game) for game in games]

    def _card(self, game: Game) -> GameCard:
        provider = self._providers.get(game.provider)
        marked = self._asking.marked
        return GameCard(
            game_id=game.game_id,
            name=game.name,
            provider=provider.name if provider else game.provider,
            rtp="" if game.rtp is None else f"{game.rtp:g} %",
            art=art_of(game.name),
            badge="Closed" if not game.playable else "New" if game.is_new else "",
            act="closed" if self._act == "play" and not game.playable else self._act,  # type: ignore[arg-type]
            favourite=marked[1] if marked and marked[0] == game.game_id else game.favourite,
            key=f"{self._asking.keys}-{next(self._numbers)}",
        )
