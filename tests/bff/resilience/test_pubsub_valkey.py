"""A subscription to a real Valkey: its messages, the report of a loss, and that one handler's error loses one
message."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from bff.resilience import pubsub
from tests.support.valkey_server import ValkeyServer

POLICY = pubsub.SubscriptionPolicy(ping_s=0.1, silence_s_max=0.4, retry_s=0.02, retry_s_max=0.05)
WITHIN_S = 30


@asynccontextmanager
async def following(url: str, **more: Any) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(pubsub.follow(url, policy=POLICY, **more))
    try:
        yield task
    finally:
        await pubsub.cancel([task])


async def published(client: Redis, channel: str, data: bytes, until: asyncio.Event) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not until.is_set():
            await client.publish(channel, data)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await until.wait()


async def test_channels_and_patterns_are_confirmed_before_the_caller_reads_what_it_missed(valkey: ValkeyServer) -> None:
    """`subscribed` runs once per subscription, on a client that answers, and messages carry their own channel."""
    got, confirmed, arrived = [], [], asyncio.Event()

    def on_message(channel: str, data: bytes) -> None:
        got.append((channel, data))
        arrived.set()

    async def subscribed(client: Redis) -> None:
        confirmed.append(await client.ping())

    async with (
        Redis.from_url(valkey.url) as client,
        following(
            valkey.url, on_message=on_message, channels=["pubsub.one"], patterns=["pubsub.t*"], subscribed=subscribed
        ),
    ):
        await published(client, "pubsub.two", b"2", arrived)
        arrived.clear()
        await published(client, "pubsub.one", b"1", arrived)
    assert confirmed == [True]
    assert {("pubsub.two", b"2"), ("pubsub.one", b"1")} <= set(got)


async def test_a_handler_that_fails_over_one_message_hears_the_next(valkey: ValkeyServer) -> None:
    """A mistake costs its message and nothing else: no loss, no new subscription."""
    second, losses = asyncio.Event(), []

    def on_message(_channel: str, data: bytes) -> None:
        if data == b"bad":
            raise KeyError("a mistake")
        second.set()

    async with (
        Redis.from_url(valkey.url) as client,
        following(valkey.url, on_message=on_message, channels=["pubsub.bad"], lost=losses.append),
    ):
        for _ in range(3):
            await client.publish("pubsub.bad", b"bad")
        await published(client, "pubsub.bad", b"good", second)
    assert losses == []


async def test_a_server_that_is_away_is_lost_again_and_again_and_never_raises() -> None:
    """Each attempt that fails is told, and the next one waits."""
    losses: asyncio.Queue[str] = asyncio.Queue()
    async with following("redis://127.0.0.1:1/0", on_message=lambda *_: None, channels=["x"], lost=losses.put_nowait):
        async with asyncio.timeout(WITHIN_S):
            assert all([await losses.get() for _ in range(3)])


async def test_a_server_that_hangs_is_a_loss_within_the_policys_silence() -> None:
    """A listener that accepts and says nothing: the subscription ends by itself."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = pubsub.connect(f"redis://127.0.0.1:{port}/0", POLICY)
    began = asyncio.get_running_loop().time()
    with pytest.raises(pubsub.SubscriptionLost):
        async for _ in pubsub.messages(client, channels=["x"], policy=POLICY):
            pass
    assert asyncio.get_running_loop().time() - began < POLICY.connect_s + POLICY.silence_s_max + 2
    await client.aclose()
    server.close()
