"""Start and end of an ASGI application, by the server's lifespan messages.

Public: `serve_lifespan`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

Step = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """A house that has nothing to start or end."""


async def serve_lifespan(
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Any], Awaitable[None]],
    *,
    start: Step = _nothing,
    stop: Step = _nothing,
) -> None:
    """Answers a `lifespan` scope to its end: `start` before the first request, `stop` after the last."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await start()
            await send({"type": "lifespan.startup.complete"})
        else:  # `lifespan.shutdown`, the only other message there is
            await stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
