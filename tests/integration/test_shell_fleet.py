"""What shell processes share through a real Valkey, and that losing it changes nothing."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bff.resilience.breaker import Position, Transition
from bff.resilience.reason import Reason
from shell.composition.body import Body
from shell.fleet.evidence import RedisEvidence
from shell.fleet.shared import BodyCodec, RedisCopies, RedisLease, connect
from shell.players.revocation import Revocations
from tests.valkey_server import ValkeyServer

OPENED = Transition("wallet", Position.CLOSED, Position.OPEN, "timeout")
NOWHERE = "redis://127.0.0.1:1/0"


async def test_opened_breaker_is_heard_by_the_other_processes_only(valkey: ValkeyServer) -> None:
    """Evidence reaches the others once, and does not come back to who gave it."""
    one, two = RedisEvidence(valkey.url, sender="one"), RedisEvidence(valkey.url, sender="two")
    heard: dict[str, list[Transition]] = {"one": [], "two": []}
    one.subscribe("wallet", heard["one"].append)
    two.subscribe("wallet", heard["two"].append)
    await one.start()
    await two.start()
    # What is said before the other listens is lost, as evidence may be.
    async with asyncio.timeout(10):
        while not heard["two"]:
            one.publish(OPENED)
            await asyncio.sleep(0.1)
    assert heard["two"][0] == OPENED
    assert heard["one"] == []
    await one.stop()
    await two.stop()


async def connected(client: Redis) -> None:
    """A busy machine may need more time for the first connection than a page would give it."""
    for _ in range(50):
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
    copies = RedisCopies(client)
    await copies.put("key", b"body", 60)
    await asyncio.sleep(0.3)
    found = await copies.get("key")
    assert found is not None
    assert found[0] == b"body"
    assert 0.2 < found[1] < 10
    await copies.put("key", b"", 0)
    assert await copies.get("key") is None
    await client.aclose()


def test_copy_that_somebody_else_wrote_is_refused() -> None:
    """HTML that comes back out of Redis goes into pages: only what this shell signed is read."""
    body = Body(b"<p>1.00</p>", 200, Reason.FEED_STALE)
    codec = BodyCodec("secret")
    data = codec.dump(body)
    assert codec.load(data) == body
    for forged in (data[:-1] + b"!", BodyCodec("other").dump(body), b"", data[:32]):
        with pytest.raises(ValueError, match="signed"):
            codec.load(forged)


async def test_sign_out_reaches_every_process(valkey: ValkeyServer) -> None:
    """A session that ended in one process is over in the other within moments."""
    here, there = Revocations(valkey.url, keep_s=60), Revocations(valkey.url, keep_s=60)
    await there.start()
    async with asyncio.timeout(10):
        while not there.is_over("mark"):
            await here.push("mark", "pl_amber")
            await asyncio.sleep(0.1)
    assert here.is_over("mark")
    assert not there.is_over("another")
    await there.stop()


async def test_sign_out_with_redis_away_still_ends_it_here() -> None:
    """Nothing raises, and this process knows."""
    revocations = Revocations(NOWHERE, keep_s=60)
    await revocations.push("mark", "pl_amber")
    assert revocations.is_over("mark")
