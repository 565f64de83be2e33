"""An ASGI application in a loop whose every turn takes a while: it answers with the number of the turn."""

import asyncio
import time
from typing import Any

TURN_S = 0.02


class Turns:
    """Counts the turns of the running loop, and makes each of them long."""

    count = 0

    def begin(self) -> None:
        """A turn, and then the next."""
        self.count += 1
        time.sleep(TURN_S)
        asyncio.get_running_loop().call_soon(self.begin)


_turns = Turns()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The turn in which a request was read."""
    if scope["type"] == "lifespan":
        await receive()
        _turns.begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = str(_turns.count).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
