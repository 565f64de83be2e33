"""A feed that is made of several parts, as whoever belongs to one of them reads it, on a real Valkey."""

import pytest

from bff.contracts.ledger_partition import partition_of
from bff.store import Store, StorePolicy

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
