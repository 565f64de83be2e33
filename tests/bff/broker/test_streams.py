"""Properties that only Streams have."""

import time

import pytest

from bff.broker import BrokerPolicy, BrokerUnavailable, Lag, connect
from tests.support.broker_rig import POLICY, drain, event, numbers
from tests.support.valkey_server import ValkeyServer


@pytest.fixture(scope="module")
def server():
    with ValkeyServer() as running:
        yield running


@pytest.fixture
async def broker(server):
    server.flush()
    opened = connect(server.url, POLICY)
    yield opened
    await opened.aclose()


async def test_one_consumer_of_a_group_reads_at_a_time(broker):
    """A second consumer waits while the first one lives, so order holds."""
    first, second = (broker.reader("ledger", "projector", name) for name in ("first", "second"))
    await first.fetch()
    await broker.publish("ledger", [event(1)])
    assert await second.fetch() == []
    assert numbers(await drain(first, 1)) == [1]
    await first.aclose()
    assert numbers(await drain(second, 1)) == [1]


async def test_a_stream_is_bounded(server):
    """The oldest events go when the bound is reached, approximately."""
    broker = connect(server.url, BrokerPolicy(stream_events_max=200))
    await broker.publish("bounded", [event(n) for n in range(1, 1001)])
    got = await drain(broker.reader("bounded", "g", "a"), 200)
    assert len(got) < 400
    await broker.aclose()


async def test_what_was_cut_unread_does_not_wait_for_anybody(server):
    """Whoever waits for the reader to follow would wait for ever for events that are gone."""
    broker = connect(server.url, BrokerPolicy(stream_events_max=100))
    reader = broker.reader("cut", "g", "a")
    await broker.publish("cut", [event(n) for n in range(1, 51)])
    await reader.ack(await drain(reader, 50))
    await broker.publish("cut", [event(n) for n in range(51, 2051)])
    assert 0 < (await broker.lag("cut", "g")).events <= 300
    while left := await reader.fetch():
        await reader.ack(left)
    assert await broker.lag("cut", "g") == Lag(0, 0.0)
    await broker.aclose()


async def test_a_stopped_broker_is_one_typed_error_and_a_restarted_one_is_used_again():
    """Refused, hung and empty after a restart: `BrokerUnavailable` in time, then on again by itself."""
    with ValkeyServer() as server:
        broker = connect(server.url, POLICY)
        reader = broker.reader("ledger", "projector", "a")
        await broker.publish("ledger", [event(1)])
        await reader.ack(await drain(reader, 1))
        server.stop()
        for call in (broker.publish("ledger", [event(2)]), reader.fetch(), broker.lag("ledger", "projector")):
            with pytest.raises(BrokerUnavailable):
                await call
        server.start()
        await broker.publish("ledger", [event(3)])
        assert numbers(await drain(reader, 1)) == [3]
        server.hang()
        began = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            await broker.publish("ledger", [event(4)])
        assert time.monotonic() - began < 6
        server.resume()
        await broker.aclose()


async def test_a_flushed_stream_is_read_from_its_new_beginning(broker, server):
    """A group that the store forgot is made again, at the oldest event there is."""
    reader = broker.reader("ledger", "projector", "a")
    await broker.publish("ledger", [event(1)])
    await reader.ack(await drain(reader, 1))
    server.flush()
    await broker.publish("ledger", [event(2)])
    assert numbers(await drain(reader, 1)) == [2]
