"""The catalogue of games from a real query store."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from bff.contracts.games import (
    GAMES_PAGE,
    SCOPE_GAMES,
    GamesData,
    GameState,
    PlayerGames,
    ProviderCatalogue,
    catalogue_topic,
    games_part_topic,
    player_games_topic,
)
from bff.contracts.player_context import PlayerContext, mint, new_key_pair
from bff.contracts.view import View
from bff.contracts.wallet import Balances, WalletState, wallet_topic
from bff.queries.app import Queries
from bff.queries.games.follower import GamesFollower
from bff.queries.games.index import GamesIndex, entries_of
from bff.queries.policy import QueriesPolicy
from bff.store import Put, Store, StorePolicy, StoreUnavailable
from tests.support.valkey_server import ValkeyServer

PRIVATE, PUBLIC = new_key_pair()
NOW = datetime.now(UTC)
# Tests that are not about limits must not fail because the machine is busy.
PATIENT = StorePolicy(connect_ms=5000, op_ms=5000, breaker_failures=1000)
UNHURRIED = QueriesPolicy(games_refresh_ms=10_000)


@pytest.fixture(scope="module")
def server():
    with ValkeyServer() as running:
        yield running


@pytest.fixture
async def store(server):
    server.flush()
    opened = Store.connect(server.url, PATIENT)
    yield opened
    await opened.aclose()


@pytest.fixture
async def client(store):
    transport = httpx.ASGITransport(app=Queries(store, PUBLIC, UNHURRIED))
    async with httpx.AsyncClient(transport=transport, base_url="http://queries") as opened:
        yield opened


def game(code, name, category="slots", **other):
    return GameState(str(code), name, category, **other)


async def publish(store, provider, games, version="1", held="", beat=True):
    """Writes as the feed does: two parts, then the head that names them."""
    parts = [games[::2], games[1::2]]
    puts = [Put(games_part_topic(provider, part), each, f"games-{provider}") for part, each in enumerate(parts)]
    digests = [f"{version}-{part}" for part in range(2)]
    head = ProviderCatalogue(provider, provider.capitalize(), len(games), digests, held)
    await store.put_many([*puts, Put(catalogue_topic(provider), head, f"games-{provider}")])
    if beat:
        await store.heartbeat(f"games-{provider}")


async def three(store):
    old = NOW - timedelta(days=100)
    lantern = [game(n, f"Amber Game {n:02}", released_at=old, rtp=90.0 + n / 10) for n in range(30)]
    lantern += [game("new", "Zebra Crossing", released_at=NOW), game("shut", "Shut Gate", "bingo", playable=False)]
    await publish(store, "lantern", lantern)
    await publish(store, "tidewheel", [game(1, "Amber Tide"), game(2, "Ölsardinen", "bingo")])
    await publish(store, "oakmill", [game(1, "Bunter Wolf", "jackpots")])


def bearer(player="pl_amber"):
    now = int(time.time())
    context = PlayerContext(player, "games", "EUR", "en-GB", frozenset({SCOPE_GAMES}), now + 60)
    return {"Authorization": f"Bearer {mint(context, PRIVATE, now=now)}"}


async def view(client, headers=None, **query: Any) -> View[GamesData]:
    answer = await client.get("/views/games", params=query, headers=headers or {})
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=View[GamesData])


async def data(client, headers=None, **query: Any) -> GamesData:
    found = (await view(client, headers, **query)).data
    assert found is not None
    return found


def names(found: GamesData) -> list[str]:
    return [game.name for game in found.games]


async def test_a_page_has_new_games_first_and_says_how_many_there_are(store, client):
    await three(store)
    first, last = await data(client), await data(client, page=99)
    assert (first.total, first.page, first.pages, len(first.games)) == (35, 1, 2, GAMES_PAGE)
    assert names(first)[:2] == ["Zebra Crossing", "Amber Game 00"]
    assert (first.games[0].game_id, first.games[0].is_new, first.games[1].is_new) == ("lantern:new", True, False)
    assert (last.page, len(last.games)) == (2, 35 - GAMES_PAGE)
    assert not next(game for game in last.games if game.name == "Shut Gate").playable


async def test_who_shows_four_games_is_sent_four(store, client):
    """Of each list; what is counted is the whole catalogue, and pages are as long as was asked."""
    await three(store)
    ids = [f"lantern:{n}" for n in range(30)]
    await store.put(player_games_topic("pl_amber"), PlayerGames(ids, ids), feed="ledger")
    found, whole = await data(client, bearer(), limit=4), await data(client, bearer())
    assert [len(found.games), len(found.recent), len(found.favourites)] == [4, 4, 4]
    assert found.games == whole.games[:4]
    assert found.recent == whole.recent[:4]
    assert (found.total, found.pages, found.categories) == (35, 9, whole.categories)
    assert names(await data(client, limit=4, page=2)) == names(whole)[4:8]
    assert (len(whole.games), len(whole.recent), len(whole.favourites)) == (GAMES_PAGE, 12, 30)


async def test_search_filters_and_orders_go_together(store, client):
    """What was asked comes back as it was understood; each count leaves its own filter out."""
    await three(store)
    found = await data(client, search="  amber   TIDE ")
    assert names(found) == ["Amber Tide"]
    assert found.query.search == "amber TIDE"
    assert names(await data(client, search="olsar")) == ["Ölsardinen"]
    bingo = await data(client, category="bingo", sort="name")
    assert names(bingo) == ["Ölsardinen", "Shut Gate"]
    assert {each.provider_id: each.count for each in bingo.providers} == {"lantern": 1, "tidewheel": 1, "oakmill": 0}
    tide = await data(client, provider="tidewheel", category="bingo")
    assert names(tide) == ["Ölsardinen"]
    counts = {each.category: each.count for each in tide.categories}
    assert (counts["slots"], counts["bingo"], counts["jackpots"], counts["favourites"]) == (1, 1, 0, 0)
    assert names(await data(client, sort="rtp"))[0] == "Amber Game 29"
    assert names(await data(client, sort="new"))[0] == "Zebra Crossing"
    assert names(await data(client, search="amber", sort="rtp"))[:2] == ["Amber Game 29", "Amber Game 28"]
    nothing = await data(client, search="nothing has such a name")
    assert (nothing.total, nothing.page, nothing.pages, nothing.games) == (0, 1, 1, [])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"search": "x" * 65}, "search_invalid"),
        ({"provider": "elsewhere"}, "provider_invalid"),
        ({"category": "sports"}, "category_invalid"),
        ({"sort": "price"}, "sort_invalid"),
        ({"page": "0"}, "page_invalid"),
    ],
)
async def test_a_query_that_means_nothing_is_refused_by_name(client, query, code):
    answer = await client.get("/views/games", params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_change_is_seen_by_the_next_request_of_every_process(store, client):
    """Without waiting for anything; what did not change is not read again."""
    await three(store)
    other = httpx.AsyncClient(transport=httpx.ASGITransport(app=Queries(store, PUBLIC)), base_url="http://queries")
    assert (await data(client)).total == (await data(other)).total == 35
    await publish(store, "oakmill", [game(1, "Bunter Wolf"), game(2, "Roter Fuchs")], version="2")
    for each in (client, other):
        assert names(await data(each, search="fuchs")) == ["Roter Fuchs"]
    await other.aclose()


async def test_a_provider_that_is_silent_keeps_its_games_and_says_so(store, client):
    """The view is stale with the moment of the one that was heard longest ago; another's games are as they were."""
    await three(store)
    await store.heartbeat("games-lantern", "stale", "timeout")
    await publish(store, "tidewheel", [game(1, "Amber Tide")], version="2", held="Not believed.")
    seen = await view(client)
    assert seen.freshness.state == "stale"
    assert seen.data is not None
    states = {each.provider_id: (each.state, each.held) for each in seen.data.providers}
    assert states == {"lantern": ("stale", ""), "tidewheel": ("live", "Not believed."), "oakmill": ("live", "")}
    assert seen.freshness.as_of == min(each.as_of for each in seen.data.providers if each.as_of)
    assert seen.data.total == 34


async def test_what_was_never_told_is_down_and_what_all_say_is_said(store, client):
    assert (await view(client)).data is None
    assert (await view(client)).freshness.state == "down"
    await publish(store, "lantern", [game(1, "One")], beat=False)
    unheard = await view(client)
    assert (unheard.freshness.state, unheard.freshness.as_of) == ("down", None)
    assert unheard.data is not None
    await store.heartbeat("games-lantern")
    assert (await view(client)).freshness.state == "live"


async def test_favourites_and_recently_played_are_the_asking_player_s_alone(store, client):
    """In the player's order; a game that is gone is not there, and comes back with the game."""
    await three(store)
    own = PlayerGames(["oakmill:1", "lantern:3", "lantern:gone"], ["tidewheel:2", "lantern:3", "nobody:1"])
    await store.put(player_games_topic("pl_amber"), own, feed="ledger")
    found = await data(client, bearer())
    assert found.favourites == ["oakmill:1", "lantern:3"]
    assert [game.game_id for game in found.recent] == ["tidewheel:2", "lantern:3"]
    assert [game.favourite for game in found.recent] == [False, True]
    counts = {each.category: each.count for each in found.categories}
    assert (counts["favourites"], counts["recent"]) == (2, 2)
    assert names(await data(client, bearer(), category="favourites")) == ["Bunter Wolf", "Amber Game 03"]
    assert names(await data(client, bearer(), category="favourites", sort="name")) == ["Amber Game 03", "Bunter Wolf"]
    assert names(await data(client, bearer(), category="recent", search="amber")) == ["Amber Game 03"]
    for headers in ({}, bearer("pl_other")):
        theirs = await data(client, headers)
        assert (theirs.favourites, theirs.recent) == ([], [])
        assert (await data(client, headers, category="favourites")).total == 0


async def test_a_player_s_own_change_is_waited_for_and_said_to_be_on_its_way(store, client):
    await three(store)
    wallet = WalletState(Balances(0, 0, 0, 0, "EUR"), [])
    await store.put(wallet_topic("pl_amber"), wallet, feed="ledger", sequence=("e1", 3))
    assert not (await view(client, bearer(), min_sequence="e1:3")).pending
    assert (await view(client, bearer(), min_sequence="e1:4")).pending
    assert not (await view(client, min_sequence="e1:4")).pending


async def test_a_store_that_is_away_is_said_as_in_every_view(server, store):
    await three(store)
    hurried = Store.connect(server.url)
    app = Queries(hurried, PUBLIC, UNHURRIED)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://queries") as client:
        server.stop()
        answer = await client.get("/views/games")
        server.start()
    await hurried.aclose()
    assert (answer.status_code, answer.json()["code"]) == (503, "store_down")


class Slow:
    """A store whose parts are delayed by the test, and can fail."""

    def __init__(self, gate):
        self.gate, self.fails = gate, False

    async def get_many(self, topics):
        await self.gate.wait()
        if self.fails:
            raise StoreUnavailable("gone")
        return dict.fromkeys(topics)


async def test_a_change_that_takes_long_is_not_waited_for_by_who_can_be_answered():
    """Who has an index is answered from it; a refresh that failed is tried again by the next request."""
    gate = asyncio.Event()
    slow = Slow(gate)
    follower = GamesFollower(slow, QueriesPolicy(games_refresh_ms=1))
    follower.index = GamesIndex(entries_of("lantern", [game(1, "One")]))
    heads = {"lantern": ProviderCatalogue("lantern", "Lantern", 1, ["a"])}
    await follower.follow(heads)
    assert len(follower.index) == 1
    slow.fails = True
    gate.set()
    with pytest.raises(StoreUnavailable):
        await asyncio.gather(follower._refreshing)
    slow.fails = False
    follower._policy = UNHURRIED
    await follower.follow(heads)
    assert len(follower.index) == 0
