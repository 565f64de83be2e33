"""Hearing a Redis channel for as long as the process lives, whatever happens to Redis meanwhile.

Public: `listen`, `end`.
"""

import asyncio
import time
from collections.abc import Callable, Iterable

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bff.resilience import log

RETRY_S = 1.0
# A connection whose other end has gone without a word looks like one on which nobody speaks: so it is asked.
PING_S = 1.0
SILENCE_S_MAX = 3.0
CANCELLED_AGAIN_S = 0.1

logger = log.get("fleet")


async def listen(redis_url: str, channel: str, heard: Callable[[bytes], None]) -> None:
    """Call `heard` with every message on `channel`, until cancelled. What is said while Redis is away is lost.

    A connection that has fallen silent is given up after `SILENCE_S_MAX` and made anew.
    """
    while True:
        client = Redis.from_url(
            redis_url,
            socket_connect_timeout=1,
            socket_timeout=SILENCE_S_MAX,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            await _hear(client, channel, heard)
        except (RedisError, OSError, TimeoutError) as error:
            logger.debug("channel_unheard", channel=channel, detail=str(error))
        finally:
            await client.aclose()
        await asyncio.sleep(RETRY_S)


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks that talk to Redis, until they have ended.

    Once may not do: redis-py sends inside `asyncio.wait_for`, which on Python 3.11 loses a cancellation that meets the
    end of what it waits for (python/cpython#86296).
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=CANCELLED_AGAIN_S)


async def _hear(client: Redis, channel: str, heard: Callable[[bytes], None]) -> None:
    async with client.pubsub() as pubsub:
        await pubsub.subscribe(channel)
        answered = pinged = time.monotonic()
        while True:
            message = await pubsub.get_message(timeout=PING_S)
            now = time.monotonic()
            if message is not None:
                answered = now
                if message["type"] == "message":
                    _pass_on(message["data"], channel, heard)
            if now - answered >= SILENCE_S_MAX:
                raise TimeoutError("the subscription has fallen silent")
            if now - pinged >= PING_S:
                pinged = now
                await pubsub.ping()


def _pass_on(data: bytes, channel: str, heard: Callable[[bytes], None]) -> None:
    try:
        heard(data)
    except Exception:
        # A mistake over one message must not make the process deaf to those that follow.
        logger.exception("channel_message_mistaken", channel=channel)
