"""Live tables from the sandbox's socket to a real query store."""

import asyncio
import contextlib
import threading
import time
from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from bff.contracts.tables import TABLES_TOPIC, TableState, table_topic
from bff.feeds.policy import TablesPolicy
from bff.feeds.tables.feed import TablesFeed
from bff.sandbox.clock import SandboxClock
from bff.sandbox.tables.messages import Messages
from bff.sandbox.tables.server import TablesProvider
from bff.sandbox.tables.world import World
from bff.store import Store
from bff.store.policy import FEED_POLICIES, FeedPolicy
from tests.support.feeds_rig import PATIENT, QUICK, running, serving, until
from tests.support.free_ports import free_port
from tests.support.valkey_server import ValkeyServer

# Time limits are so many times the promise, for a machine that may be busy.
BUSY = 5

POLICY = TablesPolicy(silence_s=3.0, heartbeat_s=0.1, write_s=0.05, list_s=0.1, relist_s=0.3)
CURRENCIES = ["EUR", "GBP", "JPY"]
VIDEO = "http://video.example/{table_id}.m3u8"


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


@pytest.fixture
def provider():
    return TablesProvider("seed", "casino", SandboxClock(), "http://provider")


def feed_of(store, port, owner="one", policy=POLICY, currencies=CURRENCIES):
    return TablesFeed(store, f"http://127.0.0.1:{port}/ws", "casino", currencies, owner, VIDEO, policy, QUICK)


async def listed(store):
    record = await store.get(TABLES_TOPIC)
    return [] if record is None else record.decode(list[TableState])


def state(store):
    async def look():
        return (await store.freshness("tables")).state

    return look


def is_state(store, wanted):
    async def holds():
        return await state(store)() == wanted

    return holds


def is_full(store):
    async def holds():
        tables = await listed(store)
        return len(tables) == 24 and all(set(table.limits) == set(CURRENCIES) for table in tables)

    return holds


async def test_tables_reach_the_store_with_limits_in_every_currency(store, provider):
    """All tables, each with its own record, and the feed is live."""
    async with serving(provider) as port, running(feed_of(store, port).run()):
        await until(is_full(store), why="a full list")
        await until(is_state(store, "live"), why="a live feed")
        table = (await store.get(table_topic("301"))).decode(TableState)
        assert table.name == "Blackjack Ash"
        assert table.limits["JPY"].bet_min_minor == 750
        assert len(table.results) == 20
        assert table.video == "http://video.example/301.m3u8"
        assert {len(each.results) for each in await listed(store)} == {8}


async def test_closed_provider_is_stale_at_once_keeps_its_time_and_heals(store, provider):
    """A connection that is gone is update before any threshold, and its end is noticed as soon."""
    async with serving(provider) as port, running(feed_of(store, port).run()):
        await until(is_full(store))
        await until(is_state(store, "live"))
        provider.switch.set("close", for_s=600)
        closed_at = time.monotonic()
        await until(is_state(store, "stale"))
        failing = await store.freshness("tables")
        assert failing.detail in ("cut", "unauthorised")
        assert failing.age_s < time.monotonic() - closed_at + 1.5
        assert len(await listed(store)) == 24
        provider.switch.set("none", for_s=1)
        await until(is_state(store, "live"))


async def test_refused_provider_leaves_the_feed_down_and_retried(store, provider):
    """Start order is arbitrary: a provider that comes late is found."""
    port = free_port()
    feed = feed_of(store, port)
    async with running(feed.run()):
        await until(lambda: feed.health.reason == "connect")
        assert (await store.freshness("tables")).state == "down"


async def test_silent_provider_ages_is_called_again_and_heals(store, provider, monkeypatch):
    """Connected is not live: without messages the feed turns stale, then down, and comes back when spoken to."""
    monkeypatch.setitem(FEED_POLICIES, "tables", FeedPolicy(stale_after_s=0.6, down_after_s=1.2))
    async with serving(provider) as port:
        feed = feed_of(store, port, policy=replace(POLICY, silence_s=1.0))
        async with running(feed.run()):
            await until(is_state(store, "live"))
            provider.switch.set("silence", for_s=600)
            await until(is_state(store, "stale"))
            await until(is_state(store, "down"))
            provider.switch.set("none", for_s=1)
            await until(is_state(store, "live"))


async def test_provider_that_refuses_everything_counts_as_failing(store, provider):
    """An error inside a message that arrived well is an error."""
    async with serving(provider) as port:
        feed = feed_of(store, port)
        async with running(feed.run()):
            await until(is_state(store, "live"))
            provider.switch.set("business_error", for_s=600)
            await until(is_state(store, "stale"))
            assert (await store.freshness("tables")).detail in ("upstream_error", "timeout")
            assert "casino suspended" in feed.health.report()["bad"][-1]["why"]
            provider.switch.set("none", for_s=1)
            await until(is_state(store, "live"))


async def test_malformed_and_oversized_messages_are_counted_kept_and_survived(store, provider):
    """Half of what comes may be rubbish; the other half still counts."""
    async with serving(provider) as port:
        feed = feed_of(store, port)
        async with running(feed.run()):
            await until(is_full(store))
            for kind in ("malformed", "oversize"):
                before = feed.health.report()["messages"].get("bad", 0)
                provider.switch.set(kind, for_s=600)
                changed = asyncio.get_running_loop().time()
                await until(lambda before=before: feed.health.report()["messages"].get("bad", 0) > before)
                assert asyncio.get_running_loop().time() - changed < 10
            provider.switch.set("none", for_s=1)
            assert await state(store)() == "live"
            assert feed.health.crashes == 0
            assert len(await listed(store)) == 24


class Flooding:
    """A provider in a thread of its own that reports players joining and leaving a table as fast as it is read."""

    def __enter__(self):
        now = time.time()
        whole = msgspec.json.decode(
            Messages("seed", "http://provider").table(World("seed", now).tables["201"], "EUR", now)
        )
        few, many = (msgspec.json.encode(whole | {"totalSeatedPlayers": seats, "betting": None}) for seats in (3, 4))

        def spam(connection):
            connection.recv()
            connection.send('{"tableKey": ["201"]}')
            with contextlib.suppress(ConnectionClosed):
                while True:
                    connection.send(few.decode())
                    connection.send(many.decode())

        self.server = serve(spam, "127.0.0.1", 0, compression=None)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self.server.socket.getsockname()[1]

    def __exit__(self, *exc):
        self.server.shutdown()
        self.thread.join()


async def test_flood_leaves_the_loop_to_others_and_memory_bounded(store):
    """A provider that never pauses costs this feed its backlog, not the neighbours their turn."""
    policy = TablesPolicy(silence_s=5, heartbeat_s=0.1, write_s=0.05, list_s=0.1, backlog_max=64, duty=0.1)
    with Flooding() as port:
        feed, turns = feed_of(store, port, policy=policy), []

        async def neighbour():
            while True:
                turns.append(time.monotonic())
                await asyncio.sleep(0.005)

        async with running(feed.run()), running(neighbour()):
            await until(lambda: feed.health.report()["messages"].get("dropped", 0) > 200)
            await until(is_state(store, "live"))
            turns.clear()
            await asyncio.sleep(1.0)
            gaps = sorted(later - earlier for earlier, later in pairwise(turns))
    assert gaps[len(gaps) // 2] < 0.5


async def test_flushed_store_is_full_again_within_two_seconds(store, server, provider):
    """What was lost is written again by itself, heartbeat included."""
    async with serving(provider) as port, running(feed_of(store, port).run()):
        await until(is_full(store))
        await until(is_state(store, "live"))
        server.flush()
        await until(is_full(store), within_s=BUSY * 2)
        await until(is_state(store, "live"), within_s=BUSY * 2)


async def test_restarted_feed_begins_with_what_the_store_holds(store, provider):
    """A new process shows no gap: the list is never shorter while it connects."""
    async with serving(provider) as port:
        async with running(feed_of(store, port).run()):
            await until(is_full(store))
        shortest = 24
        async with running(feed_of(store, port, "two").run()):
            end = time.monotonic() + 1.0
            while time.monotonic() < end:
                shortest = min(shortest, len(await listed(store)))
                await asyncio.sleep(0.02)
    assert shortest == 24


async def test_table_that_the_provider_takes_away_is_gone(store, provider):
    """A removed table leaves the list, and its own record says that there is none."""
    async with serving(provider) as port, running(feed_of(store, port).run()):
        await until(is_full(store))
        del provider.world.tables["505"]

        async def gone():
            record = await store.get(table_topic("505"))
            return len(await listed(store)) == 23 and record.data is None

        await until(gone)


async def test_one_of_two_readers_connects_and_the_other_takes_over(store, provider):
    """Ten processes cost the provider one connection, and the death of the reader costs a moment."""
    async with serving(provider) as port:
        one, two = feed_of(store, port, "one"), feed_of(store, port, "two")
        async with running(one.run()) as first:
            await until(lambda: one.health.connected)
            async with running(two.run()):
                await asyncio.sleep(0.5)
                assert (one.health.leading, two.health.leading, two.health.connected) == (True, False, False)
                first.cancel()
                await until(lambda: two.health.connected)
                assert not one.health.leading
                await until(is_state(store, "live"))


async def test_feed_begins_without_a_store_and_fills_it_when_it_comes(provider):
    """Valkey may be the last to start."""
    valkey = ValkeyServer()
    store = Store.connect(valkey.url, PATIENT)
    async with serving(provider) as port, running(feed_of(store, port).run()) as task:
        await asyncio.sleep(0.3)
        assert not task.done()
        with valkey:
            await until(is_full(store))
    await store.aclose()


async def test_reader_keeps_its_connection_while_the_store_is_away(provider):
    """A restarted store is warm within two seconds, because nobody stopped reading."""
    with ValkeyServer() as valkey:
        store = Store.connect(valkey.url, PATIENT)
        async with serving(provider) as port:
            feed = feed_of(store, port)
            async with running(feed.run()):
                await until(is_full(store))
                valkey.stop()
                await asyncio.sleep(0.8)
                assert feed.health.connected
                valkey.start()
                await until(is_full(store), within_s=BUSY * 2)
        await store.aclose()
