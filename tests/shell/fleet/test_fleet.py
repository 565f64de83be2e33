"""What shell processes share through a real Valkey, and that its loss changes nothing."""

import asyncio
import contextlib
import json
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bff.contracts.revocation import REVOCATION_CHANNEL
from bff.resilience import pubsub
from bff.resilience.breaker import Position, Transition
from bff.resilience.last_good import Fetched, Key, LastGood, LastGoodPolicy
from bff.resilience.message import Headers
from bff.resilience.outcome import Failure, Outcome
from bff.resilience.reason import Reason
from shell.composition.body import Body
from shell.fleet.evidence import RedisEvidence
from shell.fleet.redis_stores import BodyCodec, RedisLastGood, RedisLease, connect
from shell.players.revocation import Revocations
from tests.support.valkey_server import ValkeyServer

OPENED = Transition("wallet", Position.CLOSED, Position.OPEN, "timeout")
NOWHERE = "redis://127.0.0.1:1/0"


async def test_opened_breaker_is_heard_by_the_other_processes_only(valkey: ValkeyServer) -> None:
    """Evidence reaches the others once, and does not come back to who gave it."""
    one, two = RedisEvidence(valkey.url, sender="one"), RedisEvidence(valkey.url, sender="two")
    received: dict[str, list[Transition]] = {"one": [], "two": []}
    one.subscribe("wallet", received["one"].append)
    two.subscribe("wallet", received["two"].append)
    await one.start()
    await two.start()
    # What is published before the other process listens is lost, as evidence may be.
    async with asyncio.timeout(30):
        while not received["two"]:
            one.publish(OPENED)
            await asyncio.sleep(0.1)
    assert received["two"][0] == OPENED
    assert received["one"] == []
    await one.stop()
    await two.stop()


async def connected(client: Redis) -> None:
    """A busy machine may need more time for the first connection than a page allows."""
    for _ in range(300):
        try:
            await client.ping()
        except (RedisError, OSError):
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError("Redis does not answer")


async def test_one_process_of_many_takes_the_probe(valkey: ValkeyServer) -> None:
    """One probe an interval over all processes."""
    clients = [connect(valkey.url) for _ in range(8)]
    leases = [RedisLease(client, holder=str(number)) for number, client in enumerate(clients)]
    for client in clients:
        await connected(client)
    taken = await asyncio.gather(*(lease.take("wallet", 60_000) for lease in leases))
    assert sorted(taken) == [False] * 7 + [True]
    for client in clients:
        await client.aclose()


async def test_nobody_can_tell_who_probes_while_redis_is_away() -> None:
    """The answer is `unknown`, so each process probes for itself."""
    client = connect(NOWHERE)
    assert await RedisLease(client, holder="one").take("wallet", 1000) is None
    await client.aclose()


async def test_copy_outlives_its_process_and_knows_its_age(valkey: ValkeyServer) -> None:
    """The next process starts with what the last one knew."""
    client = connect(valkey.url)
    copies = RedisLastGood(client, "secret")
    await copies.put("key", b"body", 60)
    await asyncio.sleep(0.3)
    found = await copies.get("key")
    assert found is not None
    assert found[0] == b"body"
    assert 0.2 < found[1] < 10
    await copies.put("other", b"other", 60)
    await copies.forget(["key", "other", "nobody put this"])
    assert await copies.get("key") is None
    assert await copies.get("other") is None
    await client.aclose()


async def test_copy_that_somebody_else_wrote_is_refused(valkey: ValkeyServer) -> None:
    """What comes out of Redis goes into pages: only what this shell stored, for that key, at that time, is read."""
    client = connect(valkey.url)
    await connected(client)
    copies = RedisLastGood(client, "secret")
    await copies.put("amber", b"amber has 9", 60)
    [name] = await client.keys("shell:copy:*amber")
    stored = await client.get(name)
    assert await copies.get("amber") is not None
    seal, stored_at, rest = stored[:32], *stored[32:].split(b"\0", 1)
    younger = seal + f"{float(stored_at) + 3000:.3f}".encode() + b"\0" + rest
    for forged in (stored[:-1] + b"!", younger, stored[32:], stored[:32], b"", b"\0"):
        await client.set(name, forged)
        assert await copies.get("amber") is None, forged
    await client.set(name.replace(b"amber", b"birch"), stored)
    assert await copies.get("birch") is None, "one player's copy under another's key"
    await client.set(name, stored)
    assert await copies.get("amber") is not None
    assert await RedisLastGood(client, "another shell's").get("amber") is None
    await client.aclose()


async def test_lifetime_of_a_kept_copy_can_not_be_stretched(valkey: ValkeyServer) -> None:
    """Neither how long it is good for, nor whose it is, is changed by whoever writes to Redis."""
    client = connect(valkey.url)
    await connected(client)
    amber, birch = Key.for_player("amber", "wallet"), Key.for_player("birch", "wallet")

    async def ended(key: Key, fetched: Fetched[Body] | Failure) -> Outcome[Body] | Failure:
        async def fetch() -> Fetched[Body] | Failure:
            return fetched

        process = LastGood(
            LastGoodPolicy(second_ms_max=2000), second=RedisLastGood(client, "secret"), codec=BodyCodec()
        )
        try:
            return await process.get(key, fetch, stale_s_max=60)
        finally:
            await process.aclose()

    down = Failure(Reason.TIMEOUT)
    body = Body(b"<p>1.00</p>", 200)
    assert isinstance(await ended(amber, Fetched(body, 10, Headers())), Outcome)
    stale = await ended(amber, down)
    assert isinstance(stale, Outcome)
    assert stale.value == body
    [name] = await client.keys("shell:copy:*")
    stored = await client.get(name)
    await client.set(name.replace(amber.digest().encode(), birch.digest().encode()), stored)
    assert await ended(birch, down) == down
    longer = stored.replace(bytes([0x95, 0, 0, 60]), bytes([0x95, 0, 0, 120]))
    assert longer != stored
    await client.set(name, longer)
    assert await ended(amber, down) == down
    await client.aclose()


class HalfOpen:
    """A connection to Redis that can be cut silently; later connections get through."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target_port = target_port
        self._cut: list[asyncio.Event] = []

    async def __aenter__(self) -> "HalfOpen":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def cut(self) -> None:
        """From now on no byte passes on the open connections, in either direction."""
        for cut in self._cut:
            cut.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cut = asyncio.Event()
        self._cut.append(cut)
        there, back = await asyncio.open_connection("127.0.0.1", self._target_port)
        await asyncio.gather(self._carry(reader, back, cut), self._carry(there, writer, cut))
        back.close()
        writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: asyncio.Event) -> None:
        while data := await reader.read(65536):
            if not cut.is_set():
                writer.write(data)


RECONNECTED_S_MAX = 30


def deaf_to_the_database(url: str) -> Revocations:
    """A process that learns only from Redis, not from the database."""
    return Revocations(url, read=lambda after: [])


async def repeated_until_received(there: Revocations, url: str, mark: str) -> None:
    """Repeats a sign-out's announcement until it has reached `there`."""
    message = json.dumps({"player": "pl_amber", "mark": mark, "epoch": 0})
    async with asyncio.timeout(RECONNECTED_S_MAX):
        while not there.revoked_sessions.is_revoked(mark):
            with contextlib.suppress(RedisError):
                async with Redis.from_url(url, socket_timeout=0.1) as client:
                    await client.publish(REVOCATION_CHANNEL, message)
            await asyncio.sleep(0.1)


async def test_sign_out_is_heard_again_after_the_connection_died_without_a_word(valkey: ValkeyServer) -> None:
    """A subscription that is half open is noticed within seconds, and made anew."""
    async with HalfOpen(valkey.port) as wire:
        there = deaf_to_the_database(f"redis://127.0.0.1:{wire.port}/0")
        await there.start()
        await repeated_until_received(there, valkey.url, "before")
        wire.cut()
        await repeated_until_received(there, valkey.url, "after")
        await there.stop()


async def test_sign_out_is_heard_again_after_redis_hung_and_was_replaced(
    new_valkey: Callable[[], ValkeyServer],
) -> None:
    """Also where it hung while the subscription was being made."""
    valkey = new_valkey()
    there = deaf_to_the_database(valkey.url)
    valkey.hang()
    await there.start()
    await asyncio.sleep(0.5)
    valkey.stop()
    valkey.start()
    await repeated_until_received(there, valkey.url, "one")
    valkey.hang()
    await asyncio.sleep(0.5)
    valkey.stop()
    valkey.start()
    await repeated_until_received(there, valkey.url, "two")
    await there.stop()


async def test_end_outlasts_a_cancellation_that_was_lost() -> None:
    """A task that loses one is told again; whoever waits for its end does not wait for ever."""

    async def loses_one() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)

    task = asyncio.create_task(loses_one())
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await pubsub.cancel([task])
    assert task.cancelled()


async def test_mistake_over_one_message_does_not_end_the_listening(valkey: ValkeyServer) -> None:
    """Whoever hears goes on hearing."""
    one, two = RedisEvidence(valkey.url, sender="one"), RedisEvidence(valkey.url, sender="two")
    received: list[Transition] = []

    def hear(transition: Transition) -> None:
        received.append(transition)
        raise RuntimeError("a mistake")

    two.subscribe("wallet", hear)
    await one.start()
    await two.start()
    async with asyncio.timeout(30):
        while len(received) < 3:
            one.publish(OPENED)
            await asyncio.sleep(0.05)
    await one.stop()
    await two.stop()
