"""Django without its per-request threads, for houses that have no database.

Django's own ASGI handler spends most of a small request on thread hops: signal receivers, `ThreadSensitiveContext`
and a threaded `close`. A fragment has no database connection to close and no synchronous receiver, so this handler
keeps Django's own request, routing, middleware and response code and leaves those hops out.

Public: `LeanHandler`, `application_for`.
"""

import asyncio
import io
import os
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import django
from django.core.exceptions import ImproperlyConfigured, RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import HttpResponse
from django.urls import set_script_prefix

from bff.contracts.load_class import LoadClass
from bff.contracts.manifest import ManifestRefused
from bff.resilience import log, memory
from bff.resilience.border import Border
from bff.resilience.door import Door, class_by_header, door_limiter
from bff.resilience.lifespan import serve_lifespan
from bff.resilience.partition_border import partitioned
from fragments.kit.policy import POLICY

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class LeanHandler(ASGIHandler):
    """An ASGI application over Django's handler. `on_stop` runs once, when the server shuts down."""

    def __init__(self, on_stop: Callable[[], Awaitable[None]] | None = None) -> None:
        super().__init__()
        self._on_stop = on_stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await serve_lifespan(receive, send, stop=self._stop)
        elif scope["type"] == "http":
            await self.handle(scope, receive, send)
        else:
            raise ValueError(f"a fragment serves HTTP only, not {scope['type']}")

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; ends at once when the client leaves."""
        try:
            body = await self._body(receive)
        except RequestAborted:
            return
        set_script_prefix(get_script_prefix(scope))
        request, refusal = self.create_request(scope, io.BytesIO(body))
        if request is None:
            await self.send_response(refusal or HttpResponse(status=400), send)
            return
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
        response = await self.get_response_async(request)
        try:
            await self.send_response(response, send)
        finally:
            response.close()  # inline: nothing here holds a connection whose closing could block

    async def _body(self, receive: Receive) -> bytes:
        """Whole, and within what the border lets in."""
        parts: list[bytes] = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestAborted
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(parts)

    async def _stop(self) -> None:
        if self._on_stop is not None:
            await self._on_stop()


def application_for(settings_module: str, *closing: str) -> Border:
    """The ASGI application of the fragment whose settings these are (the environment may name others).

    `closing` names functions of the fragment's own (`module:function`) that close what it called besides the BFF.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module)
    django.setup(set_prefix=False)
    log.configure()
    from fragments.kit.bff import close_clients
    from fragments.kit.warm import warm

    warm(_house_folder())  # a broken manifest or template stops the process at its start, not at a request

    async def stop() -> None:
        await close_clients()
        for name in closing:
            module, _, function = name.partition(":")
            await getattr(import_module(module), function)()

    memory.for_long_running()
    handler = partitioned(LeanHandler(stop), os.environ, brought_by="baggage")
    door = Door(handler, door_limiter(), class_by_header(LoadClass.PAGE))
    return Border(door, body_bytes_max=POLICY.request_body_bytes_max)


def _house_folder() -> Path:
    """The fragment's own; a mistake in its files is one sentence, with which the process ends."""
    from fragments.kit.house import this_house

    try:
        return this_house().folder
    except OSError as error:
        raise ImproperlyConfigured(f"{error.filename} can not be read: {error.strerror}.") from error
    except (ManifestRefused, ValueError) as error:
        raise ImproperlyConfigured(f"This fragment can not start: {error}") from error
