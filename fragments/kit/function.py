"""A fragment as a function: the same ASGI application, called by an event instead of a server.

Public: `aws_lambda`, `http_function`.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from bff.resilience.border import Application

_DROPPED = frozenset({"content-length"})  # the platform counts for itself


def aws_lambda(application: Application) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A handler for AWS Lambda behind an API gateway, a function URL or a load balancer.

    The instance's life is the platform's, so the server's start and stop messages are left out.
    """
    from mangum import Mangum

    asgi: Any = application
    return Mangum(asgi, lifespan="off")


def http_function(application: Application) -> Callable[[Any], tuple[bytes, int, list[tuple[str, str]]]]:
    """A handler for functions-framework (Google Cloud Functions, Knative): a Flask request in, a Flask answer out.

    Flask calls from many threads; the application lives on one event loop, as it does in a server.
    """

    def handle(request: Any) -> tuple[bytes, int, list[tuple[str, str]]]:
        exchange = _Exchange(_scope(request), request.get_data())
        asyncio.run_coroutine_threadsafe(exchange.run(application), _loop()).result()
        return exchange.body, exchange.status, exchange.headers

    return handle


class _Exchange:
    """One request and its answer, as the messages of an ASGI server."""

    def __init__(self, scope: dict[str, Any], body: bytes) -> None:
        self._scope, self._sent = scope, body
        self._over = asyncio.Event()
        self.status, self.body = 500, b""
        self.headers: list[tuple[str, str]] = []

    async def run(self, application: Application) -> None:
        messages = iter([{"type": "http.request", "body": self._sent}])

        async def receive() -> dict[str, Any]:
            message = next(messages, None)
            if message is None:
                await self._over.wait()
                return {"type": "http.disconnect"}
            return message

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.status, self.headers = message["status"], list(_readable(message["headers"]))
            else:
                self.body += message.get("body", b"")

        try:
            await application(self._scope, receive, send)
        finally:
            self._over.set()


def _scope(request: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "query_string": request.query_string,
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers],
        "client": None,
        "server": None,
    }


def _readable(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
    return ((name, value) for name, value in pairs if name.lower() not in _DROPPED)


@lru_cache(maxsize=1)
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="fragment", daemon=True).start()
    return loop
