"""Limits on a connection below ASGI: time limits for heads and bodies, and a size limit for heads.

Public: `ServerPolicy`, `policy_of`, `BoundedHttp`, `bounded_http`.

Uvicorn bounds neither: a head may be of any size, and a head or a body that never ends holds its connection for ever.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bff.resilience.one_write import OneWriteTransport
from bff.resilience.policies import house_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPolicy:
    """The numbers of one server."""

    head_s_max: float = 10.0
    head_bytes_max: int = 64 * 1024
    # From the end of the head to the end of the body.
    body_s_max: float = 30.0
    # What is still read, and thrown away, of a body that was answered before its end: whoever sends it must get to
    # read the answer, and a connection that is closed on unread bytes takes the answer along.
    unread_bytes_max: int = 1024 * 1024
    # Longer than callers and balancers keep a connection that they do not use (60 s is usual), so that they end it: a
    # server may end it just when it is used again, and one that was held up for as long would cut what came meanwhile.
    unused_s_max: int = 75


def policy_of(environ: Mapping[str, str]) -> ServerPolicy:
    """The numbers of this installation: `server` of `HOUSE_POLICIES`."""
    return house_policy("server", ServerPolicy(), environ)


class _Phase(Enum):
    BETWEEN = "between requests, or while one is answered"
    HEAD = "a head has begun"
    BODY = "a body is still coming"


class _HeadTooLarge(Exception):
    """Ends the parser's work; the refusal is written by `send_400_response`."""


class BoundedHttp(HttpToolsProtocol):
    """Uvicorn's HTTP/1.1 within `policy`. A timer runs only for what did not come whole in one piece."""

    policy: ServerPolicy

    _phase = _Phase.BETWEEN
    _timed = _Phase.BETWEEN  # the phase that `_timer` runs for
    _timer: asyncio.TimerHandle | None = None
    _head_bytes = 0  # of a head that comes in pieces: all pieces but the first
    _piece_bytes = 0
    _unread_bytes = 0
    _application_paused_reading = False  # a body, since its timer began
    _refusal = HTTPStatus.BAD_REQUEST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a TCP transport
        super().connection_made(OneWriteTransport(transport, self.loop))  # type: ignore[arg-type]  # all of it is there
        self._start_keep_alive_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._piece_bytes = len(data)
        self._head_bytes += len(data)  # and from nothing where a head begins in this piece
        super().data_received(data)
        if self.transport.is_closing():
            self._end_timer()
        elif self._phase is _Phase.HEAD and self._head_bytes > self.policy.head_bytes_max:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._phase is _Phase.BODY and self._unread_bytes > self.policy.unread_bytes_max:
            self.transport.abort()
        elif self._phase is not self._timed:
            self._time_phase()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase, self._timed = _Phase.HEAD, _Phase.BETWEEN  # a time of its own, also behind another in one piece
        self._head_bytes = self._unread_bytes = 0

    def on_headers_complete(self) -> None:
        if self._head_bytes + self._piece_bytes > self.policy.head_bytes_max and (
            len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > self.policy.head_bytes_max
        ):
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise _HeadTooLarge
        self._phase = _Phase.BODY
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.cycle is not None and self.cycle.response_complete:
            self._unread_bytes += len(body)
        super().on_body(body)
        self._application_paused_reading = self._application_paused_reading or self.flow.read_paused

    def on_message_complete(self) -> None:
        self._phase = _Phase.BETWEEN
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """What becomes a WebSocket writes straight to the connection."""
        self.transport = cast(OneWriteTransport, self.transport).transport
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """What the parser refuses; the status is `_refusal`."""
        self._refuse(self._refusal)

    def _unsupported_upgrade_warning(self) -> None:
        """An offer of another protocol is answered in this one; no warning is logged."""

    def _start_keep_alive_timer(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _time_phase(self) -> None:
        self._end_timer()
        self._timed = self._phase
        if self._phase is _Phase.BETWEEN:
            # Answered before its body ended; what became a WebSocket is no connection of this protocol any more.
            if self.cycle is not None and self.cycle.response_complete and self in self.connections:
                self._unset_keepalive_if_required()
                self._start_keep_alive_timer()
            return
        limit_s = self.policy.head_s_max if self._phase is _Phase.HEAD else self.policy.body_s_max
        self._timer = self.loop.call_later(limit_s, self._too_slow)

    def _end_timer(self) -> None:
        self._timed = _Phase.BETWEEN
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if self._phase is _Phase.BODY and self._application_paused_reading:
            # In this time it was the application that did not read on.
            self._application_paused_reading = self.flow.read_paused
            self._time_phase()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """End the connection, with an answer where that would not be taken for another request's."""
        self._end_timer()
        cycle = self.cycle
        unanswered = cycle is None or cycle.response_complete
        if self._phase is _Phase.BODY:
            unanswered = cycle is not None and not cycle.response_started
        if unanswered:
            text = f"{status.phrase}. Nothing was done.\n"
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            fields = f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
            self.transport.write((head + fields + text).encode("ascii"))
        self.transport.close()


def bounded_http(policy: ServerPolicy) -> type[BoundedHttp]:
    """The protocol of a server with these numbers."""
    return type("BoundedHttp", (BoundedHttp,), {"policy": policy})
