"""Three providers of games side by side: no fault of one changes another's games."""

import contextlib
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from bff.contracts.games import GAMES_PROVIDERS, GamesData
from bff.contracts.player_context import new_key_pair
from bff.contracts.view import View
from bff.feeds.games.feed import GamesFeed
from bff.queries.app import Queries
from bff.queries.policy import QueriesPolicy
from bff.sandbox.games.server import GamesProvider
from bff.store import Store
from tests.bff.feeds.test_games_feed import COUNTS, feed_of, holds_all, is_state, provider, server, store, until
from tests.support.feeds_rig import running, serving

__all__ = ["provider", "server", "store"]  # fixtures
UNHURRIED = QueriesPolicy(games_refresh_ms=10_000)
# The worst faults of each provider: silence, and false statements.
WORST = {
    "lantern": ("list_error", "list_lying", "list_half"),
    "tidewheel": ("push_close", "push_purge"),
    "oakmill": ("csv_error", "csv_cut", "csv_empty"),
}


@contextlib.asynccontextmanager
async def all_three(
    store: Store, sandbox: GamesProvider
) -> AsyncIterator[tuple[httpx.AsyncClient, dict[str, GamesFeed]]]:
    """The view for fragments, and the feeds of all providers."""
    transport = httpx.ASGITransport(app=Queries(store, new_key_pair()[1], UNHURRIED))
    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(sandbox))
        feeds = {each: feed_of(store, each, port) for each in GAMES_PROVIDERS}
        for feed in feeds.values():
            await stack.enter_async_context(running(feed.run()))
        for each in GAMES_PROVIDERS:
            await until(holds_all(store, each), why=each)
            await until(is_state(store, each, "live"), why=each)
        sandbox.clock.set(held=True)  # changes of a stream by itself are not what this test is about
        yield await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://queries")), feeds


async def listed(client: httpx.AsyncClient, provider_id: str) -> list[bytes]:
    """Every page of that provider's games in the view, as bytes."""
    pages: list[bytes] = []
    while True:
        answer = await client.get("/views/games", params={"provider": provider_id, "page": len(pages) + 1})
        data = msgspec.json.decode(answer.content, type=View[GamesData]).data
        assert data is not None
        pages.append(msgspec.json.encode((data.games, data.total, data.page, data.pages)))
        if data.page == data.pages:
            return pages


@pytest.mark.parametrize("sick", GAMES_PROVIDERS)
async def test_provider_that_is_down_or_lies_changes_no_game_of_another(
    store: Store, provider: GamesProvider, sick: str
) -> None:
    """Byte for byte in what fragments read; the sick one is named, and its own games stay."""
    others = [each for each in GAMES_PROVIDERS if each != sick]
    async with all_three(store, provider) as (client, feeds):
        before = {each: await listed(client, each) for each in others}
        assert all(before.values())
        for fault in WORST[sick]:
            provider.switch.set(fault, for_s=600)
            if fault == "list_lying":  # false statements about single games reject only these: the feed stays live
                await until(lambda: feeds[sick].health.report()["messages"].get("bad", 0) > 0, why=fault)
            else:
                await until(is_state(store, sick, "stale"), why=fault)
            assert {each: await listed(client, each) for each in others} == before, fault
            answer = await client.get("/views/games", params={"provider": sick})
            seen = msgspec.json.decode(answer.content, type=View[GamesData]).data
            assert seen is not None
            assert seen.total >= 0.8 * COUNTS[sick]
            assert [each.provider_id for each in seen.providers if each.provider_id in others and each.state == "live"]
            provider.switch.set("none", for_s=1)
            await until(is_state(store, sick, "live"), why=f"after {fault}")
