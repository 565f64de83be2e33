"""Hearing a Redis channel for as long as the process lives, whatever happens to Redis meanwhile.

Public: `listen`.
"""

import asyncio
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bff.resilience import log

RETRY_S = 1.0

logger = log.get("fleet")


async def listen(redis_url: str, channel: str, heard: Callable[[bytes], None]) -> None:
    """Call `heard` with every message on `channel`, until cancelled. What is said while Redis is away is lost."""
    while True:
        client = Redis.from_url(redis_url, socket_connect_timeout=1)
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
                await pubsub.subscribe(channel)
                async for message in pubsub.listen():
                    heard(message["data"])
        except (RedisError, OSError) as error:
            logger.debug("channel_unheard", channel=channel, detail=str(error))
        finally:
            await client.aclose()
        await asyncio.sleep(RETRY_S)
