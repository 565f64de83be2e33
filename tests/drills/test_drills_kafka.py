"""A Kafka broker behind the fault proxy, which listens where the broker advertises that it is: nobody goes around."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from bff.broker import BrokerUnavailable, connect
from shell.operations.up.kafka_hop import KAFKA_HOP
from shell.operations.up.preflight import kafka_hop_stands
from tests.drills.proxy.collection import Proxies
from tests.support.broker_rig import POLICY, event, numbers, retried
from tests.support.free_ports import free_port
from tests.support.tansu_server import TansuServer

HELD_S, WITHIN_S = 3.0, 60.0


async def published(broker: object, stream: str, each: object) -> int:
    """How many attempts it took until the broker held the event."""
    async with asyncio.timeout(WITHIN_S):
        attempts = 1
        while True:
            try:
                await broker.publish(stream, [each])  # type: ignore[attr-defined]
                return attempts
            except BrokerUnavailable:
                attempts += 1


@pytest.mark.full
async def test_outage_of_kafka_stops_writers_and_readers_and_afterwards_every_event_is_there_in_order() -> None:
    """`up` finds that the broker advertises the proxy. What is sent while nothing listens waits, and is there once
    afterwards; all of it went through the proxy, which closes both sides' connections by `down`."""
    stream, advertised = f"ledger-{secrets.token_hex(4)}", free_port()
    with TansuServer(advertised) as kafka:
        await asyncio.to_thread(kafka_hop_stands, f"127.0.0.1:{advertised}", kafka.servers, {}, {})
        proxies, now = Proxies(), asyncio.get_running_loop().time
        place = {"listen": f"127.0.0.1:{advertised}", "upstream": kafka.servers}
        hop = await proxies.create({"name": KAFKA_HOP, **place, "speaks": ["kafka"]}, now())
        # Both are given the address of the server itself first: what it advertises leads them to the proxy.
        # The writer has time for the whole outage, so that it need not send anew what may be in already.
        writer = connect(kafka.url, replace(POLICY, op_ms=30_000))
        reading = connect(kafka.url, replace(POLICY, op_ms=5000))
        reader = reading.reader(stream, "projector", "one", partition=0)
        try:
            await published(writer, stream, event(1))
            got = await retried(reader, 1, WITHIN_S)
            await reader.ack(got)
            before = hop.turns
            assert before > 0
            assert len(hop.connections) >= 2, "the writer's and the reader's"

            hop.disable()
            assert not hop.connections
            silent = asyncio.create_task(published(writer, stream, event(2)))
            async with asyncio.timeout(WITHIN_S):
                ended = now() + HELD_S
                while now() < ended:
                    try:
                        assert await reader.fetch() == []
                    except BrokerUnavailable:
                        await asyncio.sleep(0.05)
            assert not silent.done()
            assert hop.turns == before

            await hop.enable()
            assert await silent == 1, "attempts"
            for number in range(3, 8):
                await published(writer, stream, event(number))
            got += await retried(reader, 6, WITHIN_S)
            assert numbers(got) == [*range(1, 8)]
            assert hop.turns > before
            assert len(hop.connections) >= 2
        finally:
            await reader.aclose()
            await writer.aclose()
            await reading.aclose()
            proxies.close()
