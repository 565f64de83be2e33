"""The HTTP endpoints beside the socket: health, readiness, metrics; and the server's start and stop.

Public: `http`, `lifespan`.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from bff.contracts.paths import HEALTH_PATH, LIVE_PATH, METRICS_PATH, READY_PATH
from bff.contracts.problem import PROBLEM_TYPE, Problem
from bff.live.hub import Hub
from bff.resilience.lifespan import serve_lifespan

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_UNKNOWN = Problem(404, "Not Found", "path_unknown", f"Open a WebSocket at {LIVE_PATH}; see {HEALTH_PATH} over HTTP.")


def http(hub: Hub, inner_port: int) -> Application:
    """`/healthz` for everybody; `/readyz` and `/metrics` on the inner port; a problem for everything else."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        hub.ensure_started()
        server = scope.get("server")
        inside = bool(inner_port) and server is not None and server[1] == inner_port
        if scope["method"] not in ("GET", "HEAD"):
            await _send(scope, send, 404, PROBLEM_TYPE, msgspec.json.encode(_UNKNOWN))
        elif scope["path"] == HEALTH_PATH:
            await _send(scope, send, 200, "text/plain; charset=utf-8", b"ok\n")
        elif scope["path"] == READY_PATH and inside:
            # A lost store makes what is shown old, not this process unfit: it still holds its sockets and says so.
            body = msgspec.json.encode({"listening": hub.listening, "sockets": len(hub.sockets)})
            await _send(scope, send, 200, "application/json", body)
        elif scope["path"] == METRICS_PATH and inside:
            await _send(scope, send, 200, "text/plain; version=0.0.4; charset=utf-8", hub.metrics.render())
        else:
            await _send(scope, send, 404, PROBLEM_TYPE, msgspec.json.encode(_UNKNOWN))

    return answer


def lifespan(hub: Hub) -> Application:
    """Start the hub before the first socket where the server says when; end it with the server."""

    async def live(scope: Message, receive: Receive, send: Send) -> None:
        async def start() -> None:
            hub.ensure_started()

        await serve_lifespan(receive, send, start=start, stop=hub.aclose)

    return live


async def _send(scope: Message, send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
