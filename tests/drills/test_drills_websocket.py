"""Faults of WebSockets on sockets that stand before the fault begins."""

import asyncio
import struct

import pytest

from tests.drills.proxy.frames import FrameCursor, frame
from tests.drills.proxy_rig import Peer, Rig, request

AGREED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
PING = bytes((0x89, 0))


class Talker:
    """An upstream that agrees to a WebSocket and then says what the test wants."""

    def __init__(self) -> None:
        self.peer: asyncio.Future[Peer] = asyncio.get_running_loop().create_future()

    async def __call__(self, peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(AGREED)
        self.peer.set_result(peer)
        await asyncio.Event().wait()


async def standing(rig: Rig, *headers: str) -> Peer:
    client = await rig.connect()
    await client.send(request("/ws", "Upgrade: websocket", "Connection: Upgrade", *headers))
    assert await client.read(len(AGREED)) == AGREED
    return client


async def says(upstream: Peer, *words: str) -> None:
    for each in words:
        await upstream.send(frame(each.encode()))


async def hears(client: Peer, count: int) -> list[str]:
    """So many short text frames."""
    received = []
    for _ in range(count):
        opcode, length = await client.read(2)
        assert opcode == 0x81
        received.append((await client.read(length)).decode())
    return received


async def test_silence_loses_messages_and_passes_pings() -> None:
    """Connected all the while; what is said after it is healed is heard."""
    async with Rig(talker := Talker()) as rig:
        client = await standing(rig)
        upstream = await talker.peer
        await says(upstream, "one")
        assert await hears(client, 1) == ["one"]
        name = rig.add("silence")
        await says(upstream, "two")
        await upstream.send(PING)
        assert await client.read(2) == PING
        rig.proxy.remove(name)
        await says(upstream, "three")
        assert await hears(client, 1) == ["three"]


@pytest.mark.parametrize(
    ("fault", "attributes", "received"),
    [
        ("gap", {"every": 2}, ["1", "3", "5"]),
        ("duplicate", {"copies": 1}, ["1", "1", "2", "2", "3", "3"]),
        ("reorder", {"window": 3}, ["3", "2", "1", "6", "5", "4"]),
    ],
)
async def test_messages_are_lost_doubled_and_turned_round(
    fault: str, attributes: dict[str, int], received: list[str]
) -> None:
    async with Rig(talker := Talker()) as rig:
        client = await standing(rig)
        rig.add(fault, "", "", 1, **attributes)
        await says(await talker.peer, "1", "2", "3", "4", "5", "6")
        assert await hears(client, len(received)) == received


async def test_flood_repeats_the_last_message() -> None:
    async with Rig(talker := Talker()) as rig:
        client = await standing(rig)
        upstream = await talker.peer
        rig.add("flood", rate=1000)
        await says(upstream, "x")
        assert await hears(client, 100) == ["x"] * 100


async def test_close_code_is_said() -> None:
    async with Rig(talker := Talker()) as rig:
        client = await standing(rig)
        await talker.peer
        rig.add("close_code", code=4001)
        assert await client.rest() == bytes((0x88, 2)) + struct.pack("!H", 4001)


async def test_fault_that_begins_within_a_message_begins_behind_it() -> None:
    """The other half still passes, so that the stream stays one of frames."""
    async with Rig(talker := Talker()) as rig:
        client = await standing(rig)
        upstream, whole = await talker.peer, frame(b"half and half")
        await upstream.send(whole[:5])
        assert await client.read(5) == whole[:5]
        rig.add("silence")
        await upstream.send(whole[5:] + frame(b"lost"))
        await upstream.send(PING)
        assert await client.read(len(whole) - 5 + 2) == whole[5:] + PING


async def test_half_of_a_message_is_let_go_when_it_is_healed() -> None:
    async with Rig(talker := Talker()) as rig:
        client = await standing(rig)
        upstream, whole = await talker.peer, frame(b"half and half")
        name = rig.add("duplicate")
        await upstream.send(whole[:5])
        await asyncio.sleep(0.05)
        rig.proxy.remove(name)
        await upstream.send(whole[5:])
        assert await hears(client, 1) == ["half and half"]


async def test_message_too_large_to_be_held_passes() -> None:
    async with Rig(talker := Talker()) as rig:
        client = await standing(rig)
        rig.add("duplicate")
        whole = frame(bytes(3 << 20))
        sending = asyncio.create_task((await talker.peer).send(whole + frame(b"x")))
        assert await client.read(len(whole)) == whole
        await sending
        assert await hears(client, 2) == ["x", "x"]


async def test_session_of_a_socket_is_that_of_its_upgrade() -> None:
    async with Rig(talker := Talker()) as rig:
        client = await standing(rig, "baggage: mullion-drill=amber.1")
        upstream = await talker.peer
        rig.add("silence", session="birch.2")
        await says(upstream, "heard")
        assert await hears(client, 1) == ["heard"]
        rig.add("gap", session="amber.1", every=1)
        await says(upstream, "lost")
        assert await client.quiet()


async def test_refused_upgrade_is_an_answer_like_any() -> None:
    refused = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"

    async def refuses(peer: Peer) -> None:
        await peer.some()
        await peer.send(refused)

    async with Rig(refuses) as rig:
        rig.add("silence")
        client = await rig.connect()
        await client.send(request("/ws", "Upgrade: websocket"))
        assert await client.rest() == refused


@pytest.mark.parametrize("step", [1, 2, 3, 7, 100_000])
def test_frames_are_followed_however_they_arrive(step: int) -> None:
    data = frame(b"") + frame(b"a" * 125) + frame(b"b" * 126) + frame(b"c" * 70_000) + PING
    cursor, ends = FrameCursor(), []
    for begin in range(0, len(data), step):
        ends += [begin + end for end in cursor.ends(data[begin : begin + step])]
    assert ends == [2, 129, 259, 259 + 70_010, len(data)]
    assert not cursor.inside
