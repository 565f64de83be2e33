"""How projectors share the ledger's partitions, whichever joins, leaves or dies."""

import pytest
from redis import Redis

from bff.queries.partition_share import PARTITIONS_TOPIC, ProjectorShare
from bff.store import Store, StorePolicy

LEASE_MS = 60_000


@pytest.fixture
async def store(valkey):
    opened = Store.connect(valkey.url, StorePolicy(connect_ms=5000, op_ms=5000, breaker_failures=1000))
    yield opened
    await opened.aclose()


class Member:
    """A projector that obeys its share at once."""

    def __init__(self, store, name, lease_ms=LEASE_MS):
        self.share, self.held = ProjectorShare(store, name, lease_ms), set()

    async def round(self):
        change = await self.share.refresh(self.held, ())
        for place in change.end:
            self.held.discard(place)
            await self.share.release(place)
        self.held |= set(change.begin)
        return self.held


async def rounds(*members, count=3):
    for _ in range(count):
        for each in members:
            await each.round()
    return [sorted(each.held) for each in members]


async def of_three_partitions(store, *names):
    members = [Member(store, name) for name in names]
    members[0].share.report("e1", 3)
    await members[0].round()
    return members


async def test_one_projector_takes_all_and_another_one_gets_its_part_without_a_stop(store):
    """Nobody holds what another holds, all are held, and who joined has work after a round of each."""
    [first] = await of_three_partitions(store, "a")
    assert first.held == {0, 1, 2}
    assert repr(first.share) == "<ProjectorShare a of 3>"
    second = Member(store, "b")
    held = await rounds(first, second)
    assert sorted(held[0] + held[1]) == [0, 1, 2]
    assert [len(each) for each in held] == [2, 1]
    third = Member(store, "c")
    assert sorted(await rounds(first, second, third)) == [[0], [1], [2]]


async def test_the_partitions_of_a_dead_projector_are_taken_over_when_its_leases_are_over(store, valkey):
    """Until then nobody has them."""
    first, second = await of_three_partitions(store, "a", "b")
    await rounds(first, second)
    dead, alive = sorted((first, second), key=lambda each: len(each.held))
    assert await rounds(alive) == [sorted(alive.held)], "it may only be slow"
    with Redis.from_url(valkey.url) as client:
        client.delete("members:projector", *(f"lease:projector.{place}" for place in dead.held))
    assert await rounds(alive) == [[0, 1, 2]]
    await dead.round()
    assert not dead.held & alive.held


async def test_one_that_leaves_in_order_is_followed_at_once(store):
    first, second = await of_three_partitions(store, "a", "b")
    await rounds(first, second)
    for place in first.held:
        await first.share.release(place)
    await first.share.leave()
    assert await rounds(second, count=1) == [[0, 1, 2]]


async def test_more_projectors_than_partitions_stand_by(store):
    """Nobody who works is stopped for one more that joins."""
    first, second = Member(store, "b"), Member(store, "a")
    await rounds(first)
    assert await rounds(first, second) == [[0], []]


async def test_what_is_ending_is_neither_begun_again_nor_given_away_meanwhile(store):
    """Its task still writes; it is released when that has ended."""
    [first] = await of_three_partitions(store, "a")
    change = await first.share.refresh({0, 1}, {2})
    assert (change.begin, change.end) == ([], [])
    second = Member(store, "b")
    await second.round()
    assert 2 not in second.held


async def test_a_later_epoch_says_how_many_partitions_there_are_and_an_earlier_one_does_not(store):
    """A heartbeat that lay in the stream for long must not take partitions away; a process that starts reads it."""
    [first] = await of_three_partitions(store, "a")
    first.share.report("e0", 5)
    assert len(await first.round()) == 3
    assert (await rounds(Member(store, "b"), first))[0] != []
    first.share.report("e2", 1)
    assert await first.round() <= {0}
    assert (await store.get(PARTITIONS_TOPIC)).sequence == ("e2", 1)


async def test_a_store_that_was_flushed_learns_it_again(store, valkey):
    [first] = await of_three_partitions(store, "a")
    valkey.flush()
    assert await first.round() == {0, 1, 2}
    assert (await store.get(PARTITIONS_TOPIC)).data == {"partitions": 3}


async def test_one_partition_leaves_no_trace_of_partitions(store):
    """What stands in a store of one partition is what stood there before."""
    member = Member(store, "a")
    member.share.report("e1", 1)
    assert await member.round() == {0}
    assert await store.get(PARTITIONS_TOPIC) is None
