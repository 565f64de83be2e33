"""Django without its per-request threads.

Django's own ASGI handler spends more on a small command than the command does: signal receivers, a thread for what
must not meet another request, a threaded `close`. Here every touch of the database is in the engine's own threads, so
this handler keeps Django's request, routing and response code and leaves those hops out.

Public: `LeanHandler`.
"""

import io
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse

from bff.commands.engine.policy import POLICY

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class LeanHandler(ASGIHandler):
    """Serves HTTP requests. A command goes on when its caller leaves, so disconnects are not watched."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"the engine serves HTTP only, not {scope['type']}")
        body = await _body(receive)
        if body is None:
            return
        request, refusal = self.create_request(scope, io.BytesIO(body))
        if request is None:
            await self.send_response(refusal or HttpResponse(status=400), send)
            return
        response = await self.get_response_async(request)
        if isinstance(response, HttpResponse) and response.content:
            response["Content-Length"] = str(len(response.content))
        # No `close`: it would signal Django's receivers that the request ended, and the resources that they clean up
        # are not used here.
        await self.send_response(response, send)


async def _body(receive: Receive) -> bytes | None:
    """The body, cut where it is longer than a view reads; None when the caller has left."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > POLICY.body_bytes_max or not message.get("more_body", False):
            return b"".join(parts)[: POLICY.body_bytes_max + 1]
