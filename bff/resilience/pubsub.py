"""Subscriptions to Valkey or Redis: one until it is lost, or renewed for as long as the process lives.

Public: `SubscriptionPolicy`, `SubscriptionLost`, `connect`, `messages`, `follow`, `cancel`.

The border to redis-py's pub/sub. A server that hangs closes nothing, so a subscription is pinged, and a silence counts
as its end. What is published while nobody listens is lost: in `subscribed` a caller reads what it may have missed.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from bff.resilience import log
from bff.resilience.backoff import Backoff, BackoffPolicy
from bff.resilience.redis_clients import AsyncClient, async_client

Subscribed = Callable[[AsyncClient], Awaitable[None]]

_logger = log.get("pubsub")
_CANCELLED_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPolicy:
    """Connecting and each ping take at most `connect_s`; `silence_s_max` without a word, pings included, is the end.

    After `messages_per_turn` messages the event loop gets a turn: a flood that has arrived never waits by itself.
    """

    connect_s: float = 1.0
    ping_s: float = 1.0
    silence_s_max: float = 3.0
    messages_per_turn: int = 64
    retry_s: float = 0.25
    retry_s_max: float = 1.0

    @property
    def backoff(self) -> BackoffPolicy:
        """Waits before another subscription: full jitter, for whatever lost the server lost it together."""
        return BackoffPolicy(initial_s=self.retry_s, max_s=self.retry_s_max)


class SubscriptionLost(Exception):
    """The subscription has ended, or never began. The message says how."""


def connect(url: str, policy: SubscriptionPolicy) -> AsyncClient:
    """A client for subscriptions: no retries and no time-outs beside the policy's. Does no I/O."""
    return async_client(url, connect_s=policy.connect_s, answer_s=None)


async def messages(
    client: AsyncClient,
    *,
    channels: Sequence[str] = (),
    patterns: Sequence[str] = (),
    policy: SubscriptionPolicy,
    clock: Callable[[], float] = time.monotonic,
    subscribed: Subscribed | None = None,
) -> AsyncGenerator[tuple[str, bytes], None]:
    """(channel, data) as they come, until the server is gone; then `SubscriptionLost`.

    `subscribed(client)` is awaited, for at most `connect_s`, as soon as every subscription is confirmed.
    """
    pubsub = client.pubsub()
    try:
        async with asyncio.timeout(policy.connect_s):
            if patterns:
                await pubsub.psubscribe(*patterns)
            if channels:
                await pubsub.subscribe(*channels)
        missing, turn = len(patterns) + len(channels), 0
        replies = _replies(pubsub, policy, clock)
        while True:
            message = await anext(replies)
            if message["type"] in ("message", "pmessage"):
                yield message["channel"].decode(), message["data"]
            elif message["type"] in ("subscribe", "psubscribe"):
                missing -= 1
                if missing == 0 and subscribed is not None:
                    async with asyncio.timeout(policy.connect_s):
                        await subscribed(client)
            turn += 1
            if turn % policy.messages_per_turn == 0:
                await asyncio.sleep(0)
    except (RedisError, OSError, TimeoutError) as error:
        raise SubscriptionLost(f"{type(error).__name__}: {error}".rstrip(": ")) from error
    finally:
        await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py has no types here


async def _replies(
    pubsub: PubSub, policy: SubscriptionPolicy, clock: Callable[[], float]
) -> AsyncGenerator[dict[str, Any], None]:
    """Every reply of the server, without an end; raises TimeoutError when there is none for too long."""
    replied = pinged = clock()
    while True:
        message: dict[str, Any] | None = await pubsub.get_message(timeout=policy.ping_s)
        now = clock()
        if message is not None:
            replied = now
            yield message
        if now - replied >= policy.silence_s_max:
            raise TimeoutError("the subscription has fallen silent")
        if now - pinged >= policy.ping_s:
            pinged = now
            async with asyncio.timeout(policy.connect_s):
                await pubsub.ping()


async def follow(
    url: str,
    on_message: Callable[[str, bytes], None],
    *,
    channels: Sequence[str] = (),
    patterns: Sequence[str] = (),
    policy: SubscriptionPolicy,
    subscribed: Subscribed | None = None,
    lost: Callable[[str], None] | None = None,
) -> None:
    """Call `on_message(channel, data)` with all that comes, until cancelled; subscribe anew whenever that is lost.

    `lost(detail)` is called after each loss, also of one that never began. A mistake in `on_message` is logged and
    costs that message only.
    """
    client, backoff = connect(url, policy), Backoff(policy.backoff)
    clock = asyncio.get_running_loop().time
    try:
        while True:
            began = clock()
            try:
                stream = messages(client, channels=channels, patterns=patterns, policy=policy, subscribed=subscribed)
                async with aclosing(stream) as received:
                    async for channel, data in received:
                        _deliver(on_message, channel, data)
            except SubscriptionLost as error:
                _logger.debug("subscription_lost", channels=[*channels, *patterns], detail=str(error))
                if lost is not None:
                    lost(str(error))
            if clock() - began > 2 * policy.silence_s_max:
                backoff.reset()
            await asyncio.sleep(backoff.next_s())
    finally:
        await client.aclose()


def _deliver(on_message: Callable[[str, bytes], None], channel: str, data: bytes) -> None:
    try:
        on_message(channel, data)
    except Exception:
        # A mistake over one message must not make the process deaf to those that follow.
        _logger.exception("message_handler_failed", channel=channel)


async def cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks that talk to Redis, until they have ended.

    Once may not do: redis-py sends inside `asyncio.wait_for`, which on Python 3.11 loses a cancellation that meets the
    end of what it waits for (python/cpython#86296).
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_CANCELLED_AGAIN_S)
