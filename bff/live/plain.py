"""What is not a socket: readiness, metrics, and the server's start and stop.

Public: `http`, `lifespan`.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from bff.contracts.problem import PROBLEM_TYPE, Problem
from bff.live.hub import Hub

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_UNKNOWN = Problem(404, "Not Found", "path_unknown", "Open a WebSocket at /live; see /healthz and /metrics over HTTP.")


def http(hub: Hub) -> Application:
    """`GET /healthz`, `GET /metrics`, a problem for everything else."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        hub.ensure_started()
        if scope["path"] == "/healthz":
            # A lost store makes what is shown old, not this process unfit: it still holds its sockets and says so.
            body = msgspec.json.encode({"listening": hub.listening, "sockets": len(hub.sockets)})
            await _send(send, 200, "application/json", body)
        elif scope["path"] == "/metrics":
            await _send(send, 200, "text/plain; version=0.0.4; charset=utf-8", hub.metrics.render())
        else:
            await _send(send, 404, PROBLEM_TYPE, msgspec.json.encode(_UNKNOWN))

    return answer


def lifespan(hub: Hub) -> Application:
    """Start the hub before the first socket where the server says when; end it with the server."""

    async def live(scope: Message, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                hub.ensure_started()
                await send({"type": "lifespan.startup.complete"})
            else:
                await hub.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return

    return live


async def _send(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
