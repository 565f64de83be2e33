"""The yardstick for BFF live: the least an ASGI application can do to broadcast, on the same server and settings.

No tickets, topics, boxes, heartbeats or Channels: each message of one Valkey channel goes to every socket in turn.
Run: `PORT=9000 REDIS_URL=… python -m tests.benchmarks.bare_broadcast`.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from redis.asyncio import Redis

os.environ.setdefault("DEBUG", "1")

from bff.live.serve import config
from bff.resilience import serving

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

SENDS: set[Send] = set()
TASKS: list[asyncio.Task[None]] = []


async def broadcast() -> None:
    """Send every message to every socket, for ever."""
    async with Redis.from_url(os.environ["REDIS_URL"]).pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe("live:tables.bare")
        async for message in pubsub.listen():
            text = message["data"].decode()
            for send in tuple(SENDS):
                try:
                    await send({"type": "websocket.send", "text": text})
                except OSError:
                    SENDS.discard(send)


async def application(scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
    """Accepts sockets and keeps them open; any `GET` is answered, for readiness."""
    if scope["type"] == "lifespan":
        await receive()
        TASKS.append(asyncio.create_task(broadcast()))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    await receive()
    await send({"type": "websocket.accept"})
    SENDS.add(send)
    while (await receive())["type"] != "websocket.disconnect":
        continue
    SENDS.discard(send)


if __name__ == "__main__":
    serving.serve(config("tests.benchmarks.bare_broadcast:application"))
