"""Django without its per-request threads: one request through Django's handler, in the event loop.

Django's own ASGI handler spends most of a small request on thread hops: signal receivers, `ThreadSensitiveContext`
and a threaded `close`. What touches no database connection in the event loop needs none of them. Django's request,
routing, middleware and response code stay. The handler is given, so that this leaf imports no Django.

Public: `LeanHandler`, `DjangoHandler`, `Scope`, `Receive`, `Send`.
"""

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class DjangoHandler(Protocol):
    """What is used of Django's `ASGIHandler`. Requests and responses are Django's."""

    def create_request(self, scope: Any, body_file: Any) -> tuple[Any, Any]:
        """(the request, None), or (None, the refusal)."""

    async def get_response_async(self, request: Any) -> Any: ...

    async def send_response(self, response: Any, send: Any) -> None: ...


class LeanHandler:
    """An ASGI application for HTTP alone.

    A request ends at once when its caller leaves, unless it `outlives_caller`: then nobody looks whether the caller is
    there, and `close`, which signals Django's receivers that the request ended, is left out with what they clean up.
    A body is cut behind its first `body_bytes_max` + 1 bytes, so that a view sees that it is too long. `prepare` is
    called with the scope of each request before Django makes one of it.
    """

    def __init__(
        self,
        django: DjangoHandler,
        *,
        outlives_caller: bool = False,
        body_bytes_max: int | None = None,
        prepare: Callable[[Scope], None] = lambda scope: None,
    ) -> None:
        self._django = django
        self._outlives_caller = outlives_caller
        self._body_bytes_max = body_bytes_max
        self._prepare = prepare

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"HTTP is served here, and no {scope['type']}")
        body = await _body(receive, self._body_bytes_max)
        if body is None:
            return
        self._prepare(scope)
        request, refusal = self._django.create_request(scope, io.BytesIO(body))
        if request is None:
            await self._django.send_response(refusal, send)
        elif self._outlives_caller:
            response = await self._django.get_response_async(request)
            if not response.streaming and response.content:
                response["Content-Length"] = str(len(response.content))
            await self._django.send_response(response, send)
        else:
            await self._answer_while_there(request, receive, send)

    async def _answer_while_there(self, request: Any, receive: Receive, send: Send) -> None:
        answer = asyncio.ensure_future(self._answer(request, send))
        leave = asyncio.ensure_future(receive())
        try:
            await asyncio.wait((answer, leave), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leave.cancel()
            answer.cancel()  # does nothing to an answer that is complete
            await asyncio.gather(answer, leave, return_exceptions=True)
            request.close()
        if not answer.cancelled():
            answer.result()

    async def _answer(self, request: Any, send: Send) -> None:
        response = await self._django.get_response_async(request)
        try:
            await self._django.send_response(response, send)
        finally:
            response.close()  # inline: nothing here holds a connection whose closing could block


async def _body(receive: Receive, bytes_max: int | None) -> bytes | None:
    """None when the caller has left."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if bytes_max is not None and size > bytes_max:
            return b"".join(parts)[: bytes_max + 1]
        if not message.get("more_body", False):
            return b"".join(parts)
