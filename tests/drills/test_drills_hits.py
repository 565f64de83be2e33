"""How often a fault has hit: whoever reads it knows what it proves, and that nobody else was touched."""

import asyncio
from typing import Any

import pytest

from tests.drills.proxy.faults import FAULTS, Layer
from tests.drills.proxy_rig import WAIT_S, Http, Rig, echo, request
from tests.drills.test_drills_http import CARRIES, MARK
from tests.drills.test_drills_websocket import Talker, hears, says, standing


def hits(rig: Rig) -> tuple[int, str]:
    """Of the one fault that is on, or of the last that was."""
    toxic = (*rig.proxy.ended, *rig.proxy.toxics)[-1]
    body = toxic.body(rig.now())
    return body["hits"], body["hits_of"]  # type: ignore[return-value]


async def hit(rig: Rig) -> None:
    """Until it has hit anything."""
    async with asyncio.timeout(WAIT_S):
        while not hits(rig)[0]:  # noqa: ASYNC110 (the proxy counts, and tells nobody)
            await asyncio.sleep(0.01)


async def ask(rig: Rig, *headers: str) -> None:
    client = await rig.connect()
    await client.send(request("/", *headers))
    await client.some()
    client.close()


@pytest.mark.parametrize("fault", ["status", "wrong_type", "slow_first_byte", "latency"])
async def test_fault_for_one_session_counts_that_sessions_requests_alone(fault: str) -> None:
    """Others pass on the same hop, on connections of their own and on the same one."""
    async with Rig(Http(), ("http",)) as rig:
        rig.add(fault, session=MARK)
        shared = await rig.connect()
        for number in range(1, 4):
            await ask(rig, CARRIES)
            await ask(rig)
            await ask(rig, CARRIES.replace(MARK, f"{MARK}x"))
            await shared.send(request())
            await shared.answer()
            assert hits(rig) == (number, "requests")
        if fault != "status":
            await shared.send(request("/", CARRIES))
            await shared.answer()
            await shared.send(request())
            await shared.answer()
            assert hits(rig) == (4, "requests")


@pytest.mark.parametrize("name", [each.name for each in FAULTS.values() if each.layer is Layer.HTTP])
async def test_each_fault_of_http_counts_each_request_once(name: str) -> None:
    async with Rig(Http(), ("http",)) as rig:
        rig.add(name)
        await ask(rig)
        await ask(rig)
        assert hits(rig) == (2, "requests")


async def test_share_counts_those_that_it_hit() -> None:
    async with Rig(Http(), ("http",)) as rig:
        rig.add("status", toxicity=0)
        await ask(rig)
        assert hits(rig) == (0, "requests")


async def test_connection_counts_once_and_not_before_bytes_pass() -> None:
    async with Rig(echo) as rig:
        client, idle = await rig.connect(), await rig.connect()
        rig.add("latency", latency=1)
        for _ in range(3):
            await client.send(b"ping")
            assert await client.read(4) == b"ping"
        idle.close()
        await asyncio.sleep(0.05)
        assert hits(rig) == (1, "connections")


@pytest.mark.parametrize("name", [each.name for each in FAULTS.values() if each.layer is Layer.TCP])
async def test_each_fault_of_bytes_counts_the_connection(name: str) -> None:
    async with Rig(echo) as rig:
        rig.add(name)
        client = await rig.connect()
        await client.send(b"ping")
        client.writer.write_eof()
        await hit(rig)
        assert hits(rig) == (1, "connections")


async def test_timeout_counts_the_idle_connection_that_it_closes() -> None:
    async with Rig(echo) as rig:
        client = await rig.connect()
        await client.send(b"ping")
        assert await client.read(4) == b"ping"
        rig.add("timeout", timeout=10)
        assert await client.rest() == b""
        assert hits(rig) == (1, "connections")


@pytest.mark.parametrize("name", [each.name for each in FAULTS.values() if each.layer is Layer.WEBSOCKET])
async def test_each_fault_of_messages_counts_the_socket_once(name: str) -> None:
    async with Rig(talker := Talker()) as rig:
        await standing(rig)
        upstream = await talker.peer
        rig.add(name)
        if name != "close_code":
            await says(upstream, "one", "two", "three", "four")
        await hit(rig)
        assert hits(rig) == (1, "connections")


async def test_gap_that_lost_nothing_hit_nothing() -> None:
    async with Rig(talker := Talker()) as rig:
        client = await standing(rig)
        rig.add("gap", every=2)
        await says(await talker.peer, "one")
        assert await hears(client, 1) == ["one"]
        assert hits(rig) == (0, "connections")


async def test_count_goes_on_through_a_change_and_stands_when_the_fault_is_gone() -> None:
    """By its number it is found again, whoever ended it."""
    async with Rig(Http(), ("http",)) as rig:
        name = rig.add("wrong_type")
        before = rig.proxy.toxic(name).body(rig.now())
        await ask(rig)
        rig.proxy.update(name, {"attributes": {"content_type": "text/plain"}}, rig.now())
        await ask(rig)
        await rig.proxy.expire(rig.now() + 3600)
        await ask(rig)
        [ended] = rig.proxy.ended
        after: dict[str, Any] = ended.body(rig.now())
        assert (after["number"], after["hits"]) == (before["number"], 2)
        assert not rig.proxy.toxics
