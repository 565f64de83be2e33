"""An application that answers after a moment, for tests of how a server shuts down. It has `GET /pid` and `POST /`
only.

Public: `application`.
"""

import asyncio
import os
from typing import Any

MOMENT_S = 0.03


async def application(scope: Any, receive: Any, send: Any) -> None:
    """The process's id, after a moment; a body is read first."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await asyncio.sleep(MOMENT_S)
    body = str(os.getpid()).encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
