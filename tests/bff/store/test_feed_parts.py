"""A feed of several parts, as a reader of one part sees it, on a real Valkey."""

import asyncio

import pytest

from bff.contracts.ledger_partition import partition_of
from bff.store import Put, Store, StorePolicy

PATIENT = StorePolicy(connect_ms=5000, op_ms=5000, breaker_failures=1000)


@pytest.fixture
async def store(valkey):
    opened = Store.connect(valkey.url, PATIENT)
    yield opened
    await opened.aclose()


PLAYERS = {partition_of(f"player:pl_{n}", 2): f"player:pl_{n}" for n in range(8)}


async def beat(store, part, epoch="e1", parts=2, state="live"):
    await store.heartbeat_of_part("ledger", part, parts, state, data={"epoch": epoch})


async def seen(store, key=""):
    read = await store.read(feeds=["ledger"], keys=[key] if key else [])
    feed = (read.of(key) if key else read).feeds["ledger"]
    return feed.state, feed.epoch


async def test_a_part_that_is_stale_is_so_for_the_keys_of_that_part_alone(store):
    """Whoever names no key hears the worst of all parts."""
    for part in (0, 1):
        await beat(store, part)
    assert [await seen(store, PLAYERS[part]) for part in (0, 1)] == [("live", "e1")] * 2
    await beat(store, 1, state="stale")
    assert [await seen(store, PLAYERS[part]) for part in (0, 1)] == [("live", "e1"), ("stale", "e1")]
    assert await seen(store) == ("stale", "e1")


async def test_each_part_is_in_an_epoch_of_its_own_and_the_feed_in_the_least_of_them(store):
    """So nobody who reads the whole feed takes what a part with an earlier epoch holds for gone."""
    await beat(store, 0)
    await beat(store, 1, "e2")
    assert [await seen(store, PLAYERS[part]) for part in (0, 1)] == [("live", "e1"), ("live", "e2")]
    assert await seen(store) == ("live", "e1")


async def test_another_number_of_parts_holds_once_all_of_them_were_heard(store):
    """Until then a part of that name is another one, and says nothing about the key."""
    for part in (0, 1):
        await beat(store, part)
    for part in (0, 1):
        await beat(store, part, "e2", 3)
    assert {await seen(store, key) for key in PLAYERS.values()} == {("live", "e1")}
    await beat(store, 2, "e3", 3)
    own = {key: partition_of(key, 3) for key in (f"player:pl_{n}" for n in range(12))}
    assert set(own.values()) == {0, 1, 2}
    assert {key: await seen(store, key) for key in own} == {
        key: ("live", "e3" if part == 2 else "e2") for key, part in own.items()
    }
    await store.heartbeat("ledger", data={"epoch": "e4"})
    assert {await seen(store, key) for key in own} == {("live", "e4")}


async def test_a_writer_of_the_release_before_makes_a_part_speak_for_all_again(store):
    """It writes no number of parts, and may count otherwise: the feed as a whole holds, as it did for that release."""
    for part in (0, 1):
        await beat(store, part)
    assert await seen(store, PLAYERS[1]) == ("live", "e1")
    keys = [store._keys.feed("ledger.1")]
    await store._connection.pipeline([("HSET", keys[0], "data", '{"epoch":"e2"}')])
    await beat(store, 0, state="stale")
    assert await seen(store, PLAYERS[1]) == ("stale", "e1")
    assert repr(store._parts) == "<FeedParts {'ledger': 2}>"


# What is published of it.


class Published:
    """All messages that are published from now on."""

    def __init__(self, store):
        self._waiting = asyncio.Queue()
        self._store = store
        self.task = asyncio.create_task(self._listen())

    async def _listen(self):
        async for message in self._store.listen():
            self._waiting.put_nowait(message)

    async def next(self, count):
        """The next `count` messages as (topic, number, state, parts)."""
        async with asyncio.timeout(30):
            messages = [await self._waiting.get() for _ in range(count)]
        return [(message.topic, message.seq[1], message.state, message.parts) for message in messages]

    async def is_all(self):
        """Whether nothing came after those: later messages come later."""
        await self._store.put("tables.last", {}, feed="tables")
        return [topic for topic, *_ in await self.next(1)] == ["tables.last"]


@pytest.fixture
async def published(store):
    published = Published(store)
    await asyncio.sleep(0.1)
    yield published
    published.task.cancel()


async def test_a_change_of_any_part_is_published_once_under_the_next_number_of_the_feed(store, published):
    """Also where it changes nothing in the feed as a whole; ten processes that look make no more of it. What it says is
    what the release before would say of the whole, and of how many parts that is."""
    for part in (0, 1):
        await beat(store, part)
    await beat(store, 0, state="stale")
    await beat(store, 1, state="stale")
    await asyncio.gather(*(store.announce() for _ in range(10)))
    await beat(store, 0)
    await beat(store, 0)
    await beat(store, 1)
    states = ["live", "stale", "stale", "stale", "live"]
    assert await published.next(5) == [("feed.ledger", n, state, 2) for n, state in enumerate(states, 1)]
    assert await published.is_all()


async def test_a_part_that_is_heard_while_another_one_is_silent_has_nothing_to_announce(store, published, monkeypatch):
    """The feed is down as a whole, and its well part is heard every second: nobody reads all parts for that."""
    for part in (0, 1):
        await beat(store, part)
    await store._connection.pipeline([("HSET", store._keys.feed("ledger.1"), "heard", "1000")])
    await beat(store, 0)
    await store.announce()
    assert await published.next(2) == [("feed.ledger", 1, "live", 2), ("feed.ledger", 2, "down", 2)]
    announcements = []

    async def announce(feeds):
        announcements.append(feeds)

    monkeypatch.setattr(store, "announce", announce)
    await beat(store, 0)
    assert (announcements, await seen(store, PLAYERS[0])) == ([], ("live", "e1"))
    await beat(store, 1)
    assert announcements == [["ledger"]]


async def test_a_part_that_moves_to_another_epoch_is_published(store, published):
    """The whole stays in the earlier one; pages of that part's players are to be read again."""
    for part in (0, 1):
        await beat(store, part)
    await beat(store, 1, "e2")
    assert await published.next(2) == [("feed.ledger", n, "live", 2) for n in (1, 2)]
    assert await seen(store) == ("live", "e1")


async def test_what_a_house_of_the_release_before_published_is_published_again_by_parts(store, published):
    """It says nothing of parts and marks none as published: whoever knows of them looks, and tells it under a number of
    its own, so that no page stays with the word about all."""
    for part in (0, 1):
        await beat(store, part)
    feed, part = store._keys.feed("ledger"), store._keys.feed("ledger.1")
    await store._connection.pipeline(
        [
            ("HSET", part, "state", "stale"),
            ("HSET", feed, "state", "stale", "announced_state", "stale", "n", "2"),
        ]
    )
    for _ in range(3):
        await store.announce()
    assert await published.next(2) == [("feed.ledger", 1, "live", 2), ("feed.ledger", 3, "stale", 2)]
    assert await published.is_all()


async def test_a_feed_that_is_divided_anew_is_published_when_its_number_of_parts_is_another(store, published):
    """Nothing else of it has changed, and everybody has come to another part."""
    for part in (0, 1):
        await beat(store, part)
    assert await published.next(1) == [("feed.ledger", 1, "live", 2)]
    for part in (0, 1):
        await beat(store, part, parts=3)
    await store.announce()
    assert await published.next(1) == [("feed.ledger", 2, "live", 2)], "what the parts say counts no longer"
    await beat(store, 2, parts=3)
    assert await published.next(1) == [("feed.ledger", 3, "live", 3)]
    await store.heartbeat("ledger", data={"epoch": "e1"})
    await store.announce()
    assert await published.next(1) == [("feed.ledger", 4, "live", 1)]
    assert await published.is_all()


@pytest.mark.parametrize("way", ["put", "swap"])
async def test_a_record_is_published_as_fresh_as_the_part_that_it_belongs_to(store, published, way):
    """What one part lacks is not said of a player of another; one that nothing was published of is as the feed is."""
    for part in (0, 1):
        await beat(store, part)
    await beat(store, 1, state="stale")
    for n, part in enumerate((0, 1, 2, None)):
        put = Put(f"wallet.pl_{n}", {"n": n}, "ledger", ("e1", 1))
        if way == "put":
            await store.put_many([put], part=part)
        else:
            await store.put_shadow("run", [put])
            await store.swap("run", [put.topic], feed="ledger", sequence=("e1", 1), part=part)
    records = (await published.next(6))[2:]
    assert [(topic, state) for topic, _, state, _ in records] == [
        ("wallet.pl_0", "live"),
        ("wallet.pl_1", "stale"),
        ("wallet.pl_2", "stale"),
        ("wallet.pl_3", "stale"),
    ]
