"""A late partition of the ledger, as open pages are told: a real BFF live, real projectors, a real Valkey."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from bff.contracts.ledger_partition import aggregate_of_player, partition_of
from bff.contracts.wallet import wallet_topic
from bff.store import Store, StorePolicy
from tests.bff.projector.test_forgotten import first_deposit
from tests.bff.projector.test_partitions import heartbeat, projectors
from tests.support.live_house import LiveHouse
from tests.support.valkey_server import ValkeyServer

FEED = "feed.ledger"
NAMES = {partition_of(aggregate_of_player(f"pl_{n}"), 2): f"pl_{n}" for n in range(16)}
BEAT_S = 0.2


@pytest.fixture(scope="module")
def server():
    with ValkeyServer() as running:
        yield running


@pytest.fixture(scope="module")
def house(server):
    with LiveHouse(server.url) as running:
        yield running


@pytest.fixture
async def store(house, server):
    server.flush()
    opened = Store.connect(server.url, StorePolicy(connect_ms=5000, op_ms=5000, breaker_failures=1000))
    yield opened
    await opened.aclose()


class Beats:
    """Heartbeats of the ledger in each of two partitions, as relays send them, except in the one that is `silent`."""

    def __init__(self, store):
        self.projectors, self.silent = projectors(store), set()
        self.ends = {0: ("e1", 1), 1: ("e1", 1)}
        self._count = 0

    async def begin(self):
        for place, projector in enumerate(self.projectors):
            await projector.handle([first_deposit(NAMES[place], 1)])
            await self.beat(place)

    async def beat(self, place):
        self._count += 1
        epoch, n = self.ends[place]
        await self.projectors[place].handle([replace(heartbeat(n, epoch), at=f"b-{self._count}")])

    async def go_on(self):
        while True:
            for place in {0, 1} - self.silent:
                await self.beat(place)
            await asyncio.sleep(BEAT_S)


@pytest.fixture
async def beats(store):
    beats = Beats(store)
    await beats.begin()
    going_on = asyncio.create_task(beats.go_on())
    yield beats
    assert not going_on.done(), "the beats ended by themselves"
    going_on.cancel()


async def state(page, state):
    return await page.hear(lambda message: message.get("topic") == FEED and message["state"] == state)


@asynccontextmanager
async def opened(house, *players):
    """Pages of `players`, each of which has received that the ledger is live."""
    async with house.page(players[0]) as first, house.page(players[1]) as second:
        for page, player in zip((first, second), players, strict=True):
            await page.follow(FEED, wallet_topic(player))
            await state(page, "live")
        yield first, second


def states(page):
    return [message["state"] for message in page.received if message.get("topic") == FEED]


async def test_a_partition_that_stands_still_is_late_on_the_open_pages_of_its_own_players_alone(house, store, beats):
    """The other's money goes on, live, while it stands still. Who opens a page meanwhile hears the same at once, and a
    visitor that not all is well; all of them hear it when it goes on."""
    async with opened(house, NAMES[0], NAMES[1]) as (well, late):
        beats.silent.add(1)
        await state(late, "stale")
        beats.ends[0] = ("e1", 2)
        other = next(f"pl_{n}" for n in range(100, 200) if partition_of(aggregate_of_player(f"pl_{n}"), 2) == 0)
        async with house.page(other) as newcomer, house.page(NAMES[1]) as second, house.page() as visitor:
            await newcomer.follow(FEED, wallet_topic(other))
            assert (await newcomer.topic(FEED))["state"] == "live"
            await beats.projectors[0].handle([first_deposit(other, 2)])
            assert (await newcomer.topic(wallet_topic(other)))["state"] == "live"
            for page in (second, visitor):
                await page.follow(FEED)
                assert (await page.topic(FEED))["state"] == "stale"
            beats.silent.clear()
            for page in (late, second, visitor):
                await state(page, "live")
        await store.put("tables", ["the end"], feed="tables")
        await well.follow("tables")
        await well.topic("tables")
        assert states(well) == ["live"]
        assert states(late)[:2] == ["live", "stale"]


async def test_a_partition_that_is_told_again_is_stale_on_the_open_pages_of_its_own_players_until_it_is(
    house, store, beats
):
    """It denies what it said; what another one has is believed all the while."""
    async with opened(house, NAMES[0], NAMES[1]) as (well, late):
        beats.silent.add(1)
        other = first_deposit("pl_other", 1)
        denied = replace(other, event=msgspec.structs.replace(other.event, id="another"))
        await beats.projectors[1].handle([denied])
        assert (await state(late, "stale"))["data"]["data"] == {"epoch": "e1"}
        beats.ends[1] = ("e2", 0)
        beats.silent.clear()
        assert (await state(late, "live"))["data"]["data"] == {"epoch": "e2"}
        await store.put("tables", ["the end"], feed="tables")
        await well.follow("tables")
        await well.topic("tables")
        assert states(well) == ["live"]


async def test_the_word_of_the_release_before_about_all_partitions_is_not_said_to_each_of_them(house, store, beats):
    """It says nothing of parts: pages hear what is so for their players all the same."""
    async with opened(house, NAMES[0], NAMES[1]) as (well, late):
        beats.silent.add(1)
        feed, part = store._keys.feed("ledger"), store._keys.feed("ledger.1")
        [row] = await store._connection.pipeline([("HMGET", feed, "epoch", "n")])
        epoch, n = row[0].decode(), int(row[1]) + 1
        message = {
            "topic": FEED,
            "seq": [epoch, n],
            "as_of": None,
            "state": "stale",
            "data": {"detail": "", "data": None},
        }
        await store._connection.pipeline(
            [
                ("HSET", part, "state", "stale"),
                ("HSET", feed, "state", "stale", "announced_state", "stale", "n", n),
                ("PUBLISH", f"live:{FEED}", json.dumps(message)),
            ]
        )
        await state(late, "stale")
        beats.silent.clear()
        await state(late, "live")
        await store.put("tables", ["the end"], feed="tables")
        await well.follow("tables")
        await well.topic("tables")
        assert set(states(well)) == {"live"}
