"""The catalogue of games: one page of the games that match a query, and which of them the player has marked or played.

Public: `GamesView`.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, get_args

from bff.contracts.games import (
    GAMES_PAGE,
    GAMES_PROVIDERS,
    RECENT_MAX,
    SEARCH_CHARS_MAX,
    CategoryCount,
    Game,
    GameCategory,
    GamesData,
    GamesProvider,
    GamesQuery,
    GamesSort,
    PlayerCategory,
    PlayerGames,
    ProviderCatalogue,
    player_games_topic,
)
from bff.contracts.view import Freshness, Sequence, View
from bff.contracts.wallet import wallet_topic
from bff.queries.games.follower import FEEDS, HEADS, GamesFollower
from bff.queries.games.index import Entry
from bff.queries.games.listing import Listing, Listings, is_new
from bff.queries.policy import QueriesPolicy
from bff.queries.refusal import ViewRefused
from bff.queries.view_request import ViewRequest, limit_of, min_sequence_of, page_of
from bff.queries.views.breaks import break_of, break_topics
from bff.queries.views.snapshots import ENGINE, LEDGER, commands_of, reached, read_until
from bff.store import Snapshot, Store

_CATEGORIES = get_args(GameCategory)
_OWN = get_args(PlayerCategory)
_SORTS = get_args(GamesSort)


class GamesView:
    """Holds the index and the listings of this process; `read` is the view."""

    def __init__(self, store: Store, policy: QueriesPolicy) -> None:
        self._store = store
        self._policy = policy
        self._follower = GamesFollower(store, policy)
        self._listings = Listings()

    async def read(self, request: ViewRequest) -> View[GamesData]:
        """One page. A provider that is silent takes nothing away: its games are listed, and how old its word is."""
        query, page, wanted = _query_of(request), page_of(request), min_sequence_of(request)
        limit = limit_of(request, GAMES_PAGE)
        snapshot = await self._snapshot(request)
        heads = self._follower.heads(snapshot)
        await self._follower.follow(heads)
        commands, on_break = commands_of(snapshot), break_of(snapshot, request.player)
        pending = not _has_reached(snapshot, request, wanted)
        if not heads:
            return View(None, Freshness(state="down"), pending, commands, on_break)
        own = _own(snapshot, request)
        data = self._page(query, page, limit, own, snapshot, heads)
        return View(data, _freshness(snapshot, heads), pending, commands, on_break)

    async def _snapshot(self, request: ViewRequest) -> Snapshot:
        topics = [*HEADS.values(), *break_topics(request.player)]
        if player := _player(request):
            topics += [player_games_topic(player), wallet_topic(player)]
        wanted = min_sequence_of(request)
        return await read_until(
            self._store,
            _player(request),
            topics,
            [*FEEDS.values(), LEDGER, ENGINE],
            self._policy,
            lambda snapshot: _has_reached(snapshot, request, wanted),
        )

    def _page(
        self,
        query: GamesQuery,
        page: int,
        limit: int | None,
        own: PlayerGames,
        snapshot: Snapshot,
        heads: dict[str, ProviderCatalogue],
    ) -> GamesData:
        index, since = self._follower.index, snapshot.now - timedelta(days=self._policy.games_new_days)
        favourites, recent = (
            [entry for game_id in ids if (entry := index.by_id.get(game_id))] for ids in (own.favourites, own.recent)
        )
        mine = {"favourites": favourites, "recent": recent}
        category = "" if query.category in _OWN else query.category
        listing = self._listings.of(index, query, category, since)
        listed, counts = listing.entries, listing.providers
        if query.category in _OWN:
            of_category = _own_of(mine[query.category], listing, query)
            counts = Counter(entry.provider for entry in of_category)
            listed = [entry for entry in of_category if query.provider in ("", entry.provider)]
        size = limit or GAMES_PAGE
        pages = max(1, -(-len(listed) // size))
        page = min(page, pages)
        ids = {entry.game_id for entry in favourites}
        return GamesData(
            games=[_shown(entry, since, ids) for entry in listed[(page - 1) * size : page * size]],
            total=len(listed),
            page=page,
            pages=pages,
            query=query,
            providers=_providers(snapshot, heads, counts),
            categories=_categories(listing, query, mine),
            favourites=[entry.game_id for entry in favourites[:limit]],
            recent=[_shown(entry, since, ids) for entry in recent[:RECENT_MAX][:limit]],
        )


def _query_of(request: ViewRequest) -> GamesQuery:
    given = {name: request.query.get(name, "") for name in ("search", "provider", "category", "sort")}
    search = " ".join(given["search"].split())
    if len(search) > SEARCH_CHARS_MAX:
        hint = {"search": f"at most {SEARCH_CHARS_MAX} characters"}
        raise ViewRefused(400, "search_invalid", "The query's search is too long.", hint)
    _check(given, "provider", GAMES_PROVIDERS)
    _check(given, "category", (*_CATEGORIES, *_OWN))
    _check(given, "sort", _SORTS)
    words: dict[str, Any] = given
    return GamesQuery(search, words["provider"], words["category"], words["sort"] or "best")


def _check(given: dict[str, str], name: str, words: tuple[str, ...]) -> None:
    if given[name] and given[name] not in words:
        raise ViewRefused(400, f"{name}_invalid", f"There is no such {name}.", {name: ", ".join(words)})


def _player(request: ViewRequest) -> str:
    return request.player.player if request.player is not None else ""


def _has_reached(snapshot: Snapshot, request: ViewRequest, wanted: Sequence | None) -> bool:
    # The wallet is written last of all the player's records: what it counts is there when it counts it.
    player = _player(request)
    return not player or reached(snapshot.current(wallet_topic(player)), wanted)


def _own(snapshot: Snapshot, request: ViewRequest) -> PlayerGames:
    player = _player(request)
    record = snapshot.current(player_games_topic(player)) if player else None
    return record.decode(PlayerGames) if record is not None else PlayerGames([], [])


def _own_of(own: list[Entry], listing: Listing, query: GamesQuery) -> list[Entry]:
    """Of a player's own games those that answer the query, of every provider."""
    if query.sort == "best" and not query.search:
        return own  # the latest first
    wanted = set(own)
    return [entry for entry in listing.answering if entry in wanted]


def _categories(listing: Listing, query: GamesQuery, mine: dict[str, list[Entry]]) -> list[CategoryCount]:
    found = set(listing.answering) if query.search else None

    def answers(entry: Entry) -> bool:
        return query.provider in ("", entry.provider) and (found is None or entry in found)

    own = [CategoryCount(name, sum(answers(entry) for entry in mine[name])) for name in _OWN]
    return own + [CategoryCount(name, listing.categories.get(name, 0)) for name in _CATEGORIES]


def _providers(
    snapshot: Snapshot, heads: dict[str, ProviderCatalogue], counts: Mapping[str, int]
) -> list[GamesProvider]:
    shown = []
    for provider, head in heads.items():
        feed = snapshot.feeds[FEEDS[provider]]
        shown.append(GamesProvider(provider, head.name, counts.get(provider, 0), feed.state, feed.as_of, head.held))
    return shown


def _freshness(snapshot: Snapshot, heads: dict[str, ProviderCatalogue]) -> Freshness:
    feeds = [snapshot.feeds[FEEDS[provider]] for provider in heads]
    states = {feed.state for feed in feeds}
    moments = [feed.as_of for feed in feeds if feed.as_of is not None]
    as_of = min(moments, default=None)
    if len(states) == 1:
        return Freshness(feeds[0].state, as_of)
    return Freshness("stale", as_of)


def _shown(entry: Entry, since: datetime, favourites: set[str]) -> Game:
    state = entry.state
    return Game(
        game_id=entry.game_id,
        name=state.name,
        provider=entry.provider,
        category=state.category,
        rtp=state.rtp,
        volatility=state.volatility,
        thumbnail=state.thumbnail,
        is_new=is_new(entry, since),
        playable=state.playable,
        favourite=entry.game_id in favourites,
    )
