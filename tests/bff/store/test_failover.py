"""A primary is killed and another server promoted: every client of the store reconnects by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from redis.exceptions import RedisError

from bff.broker import BrokerUnavailable, connect
from bff.contracts.live import LIVE_CHANNEL_PREFIX
from bff.resilience import pubsub
from bff.resilience.redis_clients import blocking_client
from bff.store import Store, StoreUnavailable
from shell.fleet.cache import CacheConnections
from shell.fleet.redis_stores import RedisLastGood
from shell.fleet.redis_stores import connect as connect_shell
from tests.support.broker_rig import POLICY, event, numbers, retried
from tests.support.valkey_cluster import ValkeyCluster
from tests.support.valkey_sentinel import ValkeySentinel

WITHIN_S = 60
TOPIC = "tables.r1"
Valkey = ValkeySentinel | ValkeyCluster


@pytest.fixture(params=[ValkeySentinel, ValkeyCluster], ids=["sentinel", "cluster"])
def valkey(request):
    with request.param() as running:
        yield running


async def comes_back(call: Callable[[], Awaitable[object]]) -> object:
    """The first answer, after as many calls as it takes."""
    end = time.monotonic() + WITHIN_S
    while True:
        try:
            return await call()
        except (StoreUnavailable, BrokerUnavailable, RedisError, OSError):
            assert time.monotonic() < end, "it did not come back"
            await asyncio.sleep(0.05)


@asynccontextmanager
async def listening(valkey: Valkey) -> AsyncIterator[list[bytes]]:
    """The messages of the topic, in a list that grows."""
    published: list[bytes] = []
    follow = pubsub.follow(
        valkey.url,
        lambda _channel, data: published.append(data),
        patterns=[LIVE_CHANNEL_PREFIX + TOPIC],
        policy=pubsub.SubscriptionPolicy(),
    )
    task = asyncio.create_task(follow)
    try:
        yield published
    finally:
        await pubsub.cancel([task])


async def put_until_published(store: Store, published: list[bytes], data: dict[str, int]) -> None:
    """Writes, and again with another number, until a listener has received one."""
    before, end = len(published), time.monotonic() + WITHIN_S
    while len(published) == before:
        assert time.monotonic() < end, "nobody published of it"
        data["n"] += 1
        await comes_back(lambda: store.put(TOPIC, data, feed="tables"))
        await asyncio.sleep(0.05)


async def test_all_that_use_the_store_come_back_after_a_failover(valkey: Valkey) -> None:
    """Records, subscriptions, streams of two partitions, copies and the cache; the number of a record is not given
    twice, and the server that was killed does not show what is past when it is back."""
    store, broker = Store.connect(valkey.url), connect(valkey.url, POLICY)
    shell, data = connect_shell(valkey.url), {"n": 0}
    copies = RedisLastGood(shell, "secret")
    cache = CacheConnections({}).connect(valkey.url)
    readers = [broker.reader("ledger", "projector", "a", partition=each) for each in (0, 1)]
    async with listening(valkey) as published:
        await put_until_published(store, published, data)
        before = await store.get(TOPIC)
        for partition, reader in enumerate(readers):
            await broker.publish("ledger", [event(1)], partition=partition)
            assert numbers(await retried(reader, 1)) == [1]
        valkey.kill_primary()
        await asyncio.to_thread(valkey.wait_for_promotion)

        await put_until_published(store, published, data)
    after = await store.get(TOPIC)
    assert after is not None
    assert before is not None
    assert after.data == data
    assert after.sequence[0] != before.sequence[0]
    for partition, reader in enumerate(readers):
        await comes_back(lambda at=partition: broker.publish("ledger", [event(2 + at)], partition=at))
        assert 2 + partition in numbers(await retried(reader, 2))  # unacknowledged events come first, again
        await comes_back(reader.aclose)
    await comes_back(lambda: copies.put("wallet", b"copy", 60))
    assert (await comes_back(lambda: copies.get("wallet")))[0] == b"copy"
    await comes_back(lambda: asyncio.to_thread(cache.set, "{shell}:1:key", b"value"))
    await comes_back(lambda: asyncio.to_thread(ping, valkey.url))

    valkey.bring_back()
    end = time.monotonic() + 2
    while time.monotonic() < end:
        late = Store.connect(valkey.url)
        found = await comes_back(lambda store=late: store.get(TOPIC))
        assert found is not None
        assert found.data == data
        await late.aclose()
        await asyncio.sleep(0.1)
    for client in (store, broker, shell):
        await client.aclose()


def ping(url: str) -> None:
    with blocking_client(url, connect_s=1, answer_s=1) as client:
        client.ping()
