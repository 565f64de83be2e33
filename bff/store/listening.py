"""One subscription to what the store publishes.

Public: `listen`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bff.contracts.live import LiveMessage
from bff.store.connection import StoreUnavailable
from bff.store.policy import StorePolicy

_decoder = msgspec.json.Decoder(LiveMessage)


async def listen(
    client: Redis, patterns: list[str], policy: StorePolicy, clock: Callable[[], float]
) -> AsyncIterator[LiveMessage]:
    """Messages as they come, until the store is gone; then `StoreUnavailable`.

    A store that hangs closes nothing, so the subscription is pinged and a long silence counts as the end.
    """
    pubsub = client.pubsub()
    try:
        async with asyncio.timeout((policy.connect_ms + policy.op_ms) / 1000):
            await pubsub.psubscribe(*patterns)
        heard = pinged = clock()
        while True:
            message = await pubsub.get_message(timeout=policy.listen_ping_s)
            now = clock()
            if message is not None:
                heard = now
                if message["type"] == "pmessage":
                    yield _decoder.decode(message["data"])
            if now - heard >= policy.listen_silence_s:
                raise StoreUnavailable("the subscription has fallen silent")
            if now - pinged >= policy.listen_ping_s:
                pinged = now
                async with asyncio.timeout((policy.connect_ms + policy.op_ms) / 1000):
                    await pubsub.ping()
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
    finally:
        await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py has no types here
