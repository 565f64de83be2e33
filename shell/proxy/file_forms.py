"""Uploads of forms with files: admitted by their head before the body is read, a bounded number at once.

Public: `FileForms`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable
from django.core.handlers.asgi import ASGIRequest

from bff.resilience import log
from bff.resilience.bulkhead import Bulkhead
from shell.admission import refused_response
from shell.pages.notice import notice
from shell.players.authentication import authenticate_cookies
from shell.proxy.admission import is_file_form
from shell.responses import respond
from shell.visits import Incoming
from shell.wiring import Parts

_BUSY = "Too many files are on their way at this moment, so nothing was sent. What you chose is still there; try again."

logger = log.get("forms")

Onward = Callable[[dict[str, Any], ASGIReceiveCallable, ASGISendCallable], Awaitable[None]]


class FileForms:
    """Admits forms with files; `onward` answers those that are."""

    def __init__(self, parts: Parts, onward: Onward) -> None:
        self._parts = parts
        self._policy = parts.upstreams.proxy_policy
        self._onward = onward
        self._bulkhead = Bulkhead(self._policy.form_files_open_max, self._policy.form_files_waiting_max)

    def bytes_max(self, scope: dict[str, Any]) -> int | None:
        """How many bytes may come with a form with files; None where its head says that they are too many."""
        return None if self._is_too_large(scope) else self._policy.form_files_bytes_max

    async def serve(self, scope: dict[str, Any], receive: ASGIReceiveCallable, send: ASGISendCallable) -> bool:
        """Whether the request was a form with files; if so it has been answered."""
        if not is_file_form(scope):
            return False
        incoming = Incoming.of(scope)
        if refusal := refused_response(scope, incoming.headers.get("host", "")):
            await respond(send, *refusal)
            return True
        if self._is_too_large(scope):
            await self._discard_body(receive)
            megabytes = self._policy.form_files_bytes_max / 2**20
            words = f"The form has more than the {megabytes:g} MiB that this site takes. Nothing was done."
            await _send_notice(scope, send, 413, words)
            return True
        found = await authenticate_cookies(incoming.cookies, self._parts.revocations)
        if found.certain and found.identity is None:
            await self._discard_body(receive)
            await self._onward(scope, _nothing, send)  # which says so
            return True
        place = await self._bulkhead.enter(self._policy.form_files_wait_ms)
        if place is None:
            logger.warning("form_not_read", path=incoming.path[:200])
            await self._discard_body(receive)
            await _send_notice(scope, send, 503, _BUSY)
            return True
        try:
            await self._onward(scope, receive, send)
        finally:
            place.leave()
        return True

    def _is_too_large(self, scope: dict[str, Any]) -> bool:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        return int(length) > self._policy.form_files_bytes_max if length.isdigit() else False

    async def _discard_body(self, receive: ASGIReceiveCallable) -> None:
        """Let a body come and go, for a while: a browser listens to no answer before it has sent all."""
        left = self._policy.form_passed_by_bytes_max
        try:
            async with asyncio.timeout(self._policy.small_body_ms / 1000):
                more = True
                while more and left > 0:
                    message = await receive()
                    more = message["type"] == "http.request" and message.get("more_body", False)
                    left -= len(message["body"]) if message["type"] == "http.request" else 0
        except TimeoutError:
            return


async def _nothing() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send_notice(scope: dict[str, Any], send: ASGISendCallable, status: int, words: str) -> None:
    response = notice(ASGIRequest(scope, BytesIO()), status, words)
    headers = [(name.lower(), value) for name, value in response.items()]
    await respond(send, status, headers, response.content)
