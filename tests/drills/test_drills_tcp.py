"""Toxiproxy's faults on plain bytes, over real sockets."""

import asyncio

import pytest

from tests.drills.proxy.way import QUEUE_BYTES_MAX
from tests.drills.proxy_rig import Peer, Rig, echo


async def timed(rig: Rig, client: Peer, data: bytes = b"ping") -> float:
    began = rig.now()
    await client.send(data)
    assert await client.read(len(data)) == data
    return rig.now() - began


async def test_bytes_pass_as_they_are() -> None:
    """A megabyte there and back, with nothing on."""
    async with Rig(echo) as rig:
        client, data = await rig.connect(), bytes(range(256)) * 4096
        sending = asyncio.create_task(client.send(data))
        assert await client.read(len(data)) == data
        await sending


async def test_half_close_ends_one_direction_alone() -> None:
    """The upstream hears the end, and its last words still arrive."""

    async def says_how_much(peer: Peer) -> None:
        received = await peer.rest()
        await peer.send(b"heard %d" % len(received))

    async with Rig(says_how_much) as rig:
        client = await rig.connect()
        await client.send(b"x" * 1000)
        client.writer.write_eof()
        assert await client.rest() == b"heard 1000"
        await asyncio.sleep(0.05)
        assert not rig.proxy.connections


async def test_latency_is_added_to_a_connection_that_stands_and_goes_with_the_toxic() -> None:
    """As Toxiproxy does it: no new connection is needed, either way."""
    async with Rig(echo) as rig:
        client = await rig.connect()
        assert await timed(rig, client) < 0.45
        name = rig.add("latency", latency=500)
        assert 0.49 <= await timed(rig, client) < 5
        rig.proxy.remove(name)
        assert await timed(rig, client) < 0.45


async def test_what_waits_in_a_latency_is_let_go_when_it_is_healed() -> None:
    async with Rig(echo) as rig:
        client = await rig.connect()
        name = rig.add("latency", latency=60_000)
        await client.send(b"ping")
        assert await client.quiet()
        rig.proxy.remove(name)
        assert await client.read(4) == b"ping"


async def test_jitter_moves_the_delay() -> None:
    async with Rig(echo) as rig:
        client = await rig.connect()
        rig.add("latency", latency=50, jitter=50)
        took = [await timed(rig, client) for _ in range(6)]
        assert max(took) - min(took) > 0.005


async def test_latency_upstream_hits_the_other_direction() -> None:
    async with Rig(echo) as rig:
        client = await rig.connect()
        rig.add("latency", "upstream", latency=100)
        rig.add("latency", "downstream", latency=100)
        assert await timed(rig, client) >= 0.19


async def test_bandwidth_bounds_bytes_a_second() -> None:
    """20 KB at 100 KB/s."""
    async with Rig(echo) as rig:
        client = await rig.connect()
        rig.add("bandwidth", rate=100)
        assert 0.18 <= await timed(rig, client, bytes(20_000)) < 6


async def test_slow_close_delays_the_end_alone() -> None:
    async def says_and_ends(peer: Peer) -> None:
        await peer.send(b"bye")

    async with Rig(says_and_ends) as rig:
        rig.add("slow_close", delay=500)
        client, began = await rig.connect(), rig.now()
        assert await client.read(3) == b"bye"
        assert rig.now() - began < 0.45
        assert await client.rest() == b""
        assert rig.now() - began >= 0.49


async def test_timeout_lets_nothing_through_and_closes() -> None:
    async with Rig(echo) as rig:
        client = await rig.connect()
        rig.add("timeout", timeout=200)
        began = rig.now()
        await client.send(b"ping")
        assert await client.rest() == b""
        assert 0.19 <= rig.now() - began < 5


async def test_timeout_of_nought_is_silent_until_it_is_healed() -> None:
    async with Rig(echo) as rig:
        client = await rig.connect()
        name = rig.add("timeout")
        await client.send(b"ping")
        assert await client.quiet()
        rig.proxy.remove(name)
        assert await client.rest() == b""


async def test_reset_peer_is_a_reset() -> None:
    async with Rig(echo) as rig:
        client = await rig.connect()
        rig.add("reset_peer")
        await client.send(b"ping")
        with pytest.raises(ConnectionResetError):
            await client.rest()


async def test_slicer_cuts_small_pieces() -> None:
    async with Rig(echo) as rig:
        client = await rig.connect()
        rig.add("slicer", average_size=10, delay=20_000)
        await client.send(b"x" * 40)
        assert len(await client.some()) <= 20
        assert len(await client.read(20)) == 20


async def test_limit_data_closes_after_so_many_bytes() -> None:
    async with Rig(echo) as rig:
        client = await rig.connect()
        rig.add("limit_data", bytes=6)
        await client.send(b"0123456789")
        assert await client.rest() == b"012345"


async def test_disabled_proxy_refuses_and_ends_who_is_there() -> None:
    async with Rig(echo) as rig:
        client = await rig.connect()
        assert await timed(rig, client) < 1
        rig.proxy.disable()
        with pytest.raises(ConnectionResetError):
            await client.rest()
        with pytest.raises(ConnectionRefusedError):
            await rig.connect()
        await rig.proxy.enable()
        assert await timed(rig, await rig.connect()) < 1


async def test_upstream_that_is_gone_is_a_reset() -> None:
    """Nobody who was let in waits for an upstream that refuses."""
    async with Rig(echo) as rig:
        rig.proxy.upstream_address = ("127.0.0.1", 9)
        client = await rig.connect()
        with pytest.raises(ConnectionResetError):
            await client.rest()


@pytest.mark.parametrize("fault", ["", "latency"])
async def test_client_that_does_not_read_fills_nothing(fault: str) -> None:
    """Whatever an upstream has to say, a bounded part of it is held here."""
    sent = 0

    async def talks(peer: Peer) -> None:
        nonlocal sent
        while True:
            await peer.send(bytes(65536))
            sent += 65536

    async with Rig(talks) as rig:
        if fault:
            rig.add(fault, latency=60_000)
        await rig.connect()
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        # Beside what is held here stand the buffers of four sockets.
        assert sent < 4 * QUEUE_BYTES_MAX + 12 * 1024 * 1024
        (connection,) = rig.proxy.connections
        assert connection.downstream.queued_bytes <= QUEUE_BYTES_MAX + 512 * 1024


async def test_share_hits_some_connections_and_not_others() -> None:
    """Toxicity is thrown once for each connection."""
    async with Rig(echo) as rig:
        rig.add("reset_peer", toxicity=0.5)
        lost = 0
        for _ in range(40):
            client = await rig.connect()
            await client.send(b"ping")
            try:
                lost += await client.rest_or(b"ping") == b""
            except ConnectionResetError:
                lost += 1
        assert 5 <= lost <= 35


async def test_faults_heal_by_themselves() -> None:
    """60 seconds where nobody names a time, and as long as named otherwise; a proxy that is down comes up again."""
    async with Rig(echo) as rig:
        rig.add("latency", latency=1)
        rig.proxy.add({"type": "timeout", "ttl_s": 5}, rig.now())
        rig.proxy.disable(rig.now() + 5)
        await rig.proxy.expire(rig.now() + 4.9)
        assert len(rig.proxy.toxics) == 2
        assert not rig.proxy.enabled
        await rig.proxy.expire(rig.now() + 5.1)
        assert [each.fault.name for each in rig.proxy.toxics] == ["latency"]
        assert rig.proxy.enabled
        await rig.proxy.expire(rig.now() + 60.1)
        assert rig.proxy.toxics == ()
