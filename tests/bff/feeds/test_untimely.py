"""A provider whose messages can not be trusted: from its socket to the buttons of a player."""

import asyncio
from datetime import UTC, datetime
from functools import partial

import msgspec
import pytest

from bff.contracts.tables import TableData
from bff.contracts.view import View
from bff.feeds.policy import TablesPolicy
from bff.feeds.tables.feed import TablesFeed
from bff.queries.app import Queries
from bff.resilience.reason import Reason
from bff.sandbox.clock import SandboxClock
from bff.sandbox.tables.server import TablesProvider
from bff.store import Store
from bff.store.policy import FEED_POLICIES, FeedPolicy
from tests.support import plain_http
from tests.support.feeds_rig import PATIENT, QUICK, running, serving, until
from tests.support.fragments_house import PUBLIC_KEY, Fragment, bearer
from tests.support.free_ports import free_port
from tests.support.valkey_server import ValkeyServer

POLICY = TablesPolicy(silence_s=4.0, heartbeat_s=0.1, write_s=0.05, list_s=0.1, still_s=1.0)
SHARED = {"podium_currency": "EUR", "podium_locale": "en-GB"}
HEALED_S_MAX = 10.0


@pytest.fixture(scope="module")
def server():
    with ValkeyServer() as started:
        yield started


@pytest.fixture
async def store(server):
    server.flush()
    opened = Store.connect(server.url, PATIENT)
    yield opened
    await opened.aclose()


@pytest.fixture(scope="module")
def queries_port():
    return free_port()


@pytest.fixture(scope="module")
def live_dealer(queries_port):
    with Fragment("live_dealer", f"http://127.0.0.1:{queries_port}") as started:
        yield started


@pytest.fixture
def provider():
    return TablesProvider("seed", "casino", SandboxClock(), "http://provider")


@pytest.fixture
def quickly(monkeypatch):
    """Thresholds that are short enough for a test."""
    monkeypatch.setitem(FEED_POLICIES, "tables", FeedPolicy(stale_after_s=2.0, down_after_s=3.0))
    monkeypatch.setitem(FEED_POLICIES, "engine", FeedPolicy(stale_after_s=300.0, down_after_s=600.0))


class House:
    """The player's side of table 201: the BFF's view, and the fragment's answers."""

    def __init__(self, queries_port, live_dealer):
        self._url = f"http://127.0.0.1:{queries_port}/views/tables/201?currency=EUR"
        self._live_dealer = live_dealer

    async def view(self):
        async with plain_http.AsyncClient() as client:
            answer = await client.get(self._url)
        return msgspec.json.decode(answer.content, type=View[TableData])

    async def asks(self, path):
        sent = {**SHARED, "authorization": bearer("live-dealer")}
        return await asyncio.to_thread(partial(self._live_dealer.get, path, **sent))

    def is_state(self, *wanted):
        async def holds():
            answer = await self.view()
            return answer.data is not None and answer.freshness.state in wanted

        return holds

    async def takes_bets(self):
        """Whether the slip has a form; then it must not be called degraded."""
        answer = await self.asks("/slip/201")
        has_form = "<form" in answer.text
        assert has_form is ("fragment-state" not in answer.headers)
        return has_form


@pytest.mark.parametrize("kind", ["replay", "frozen", "skewed"])
async def test_untimely_provider_takes_no_bets_and_heals(store, provider, quickly, queries_port, live_dealer, kind):
    """Messages flow all the time; the view says since when they prove nothing, the slip closes, and both come back."""
    house = House(queries_port, live_dealer)
    async with serving(provider) as port, serving(Queries(store, PUBLIC_KEY), queries_port):
        url = f"http://127.0.0.1:{port}/ws"
        feed = TablesFeed(store, url, "casino", ["EUR"], "one", "", POLICY, QUICK)
        async with running(feed.run()):
            await until(house.is_state("live"), why="a live view")
            await _engine_beats(store)
            await until(house.takes_bets, why="a slip")
            before = (await house.view()).data.table.results[0]
            began = datetime.now(UTC)
            provider.switch.set(kind, for_s=60)
            await until(house.is_state("stale", "down"), why="doubt")
            await until(house.is_state("down"), why="the feed to be down")
            await _is_closed(house, began)
            assert (await store.freshness("tables")).detail in ("", Reason.FEED_STALE, Reason.TIMEOUT)
            assert (await house.view()).data.table.results[0].at >= before.at, "no table is taken back"
            provider.switch.set("none", for_s=1)
            await until(house.is_state("live"), within_s=HEALED_S_MAX, why="a live view again")
            await until(house.takes_bets, why="a slip again")
            assert all(each.at <= datetime.now(UTC) for each in (await house.view()).data.table.results)


async def _engine_beats(store):
    """Bets are open while the engine reports that it takes commands, which it does for longer than the test lasts."""
    await store.heartbeat("engine", data={"payments": "up"})


async def _is_closed(house, began):
    """Everything shows its age, and nothing can be staked."""
    as_of = (await house.view()).freshness.as_of
    assert as_of is not None
    # Each table is repeated within four seconds; two messages show that a countdown stands still.
    assert abs((as_of - began).total_seconds()) < 6, "the last believable word came about when the fault did"
    assert not await house.takes_bets()
    for path in ("/slip/201", "/table/201", "/grid"):
        answer = await house.asks(path)
        assert answer.status == 200
        assert answer.headers["fragment-state"].startswith("degraded; reason=feed_down; as-of=2"), path
        assert answer.headers["cache-control"] == "private, no-store"
    assert "Bets wait until the table is up to date again." in (await house.asks("/slip/201")).text
