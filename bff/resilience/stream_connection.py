"""One connection that carries one request and its answer piece by piece; h11 says what the bytes mean.

Public: `StreamConnection`.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import cast
from urllib.parse import urlsplit

import h11

from bff.resilience.exchange import StreamRequest
from bff.resilience.message import CallFailed
from bff.resilience.reason import Reason

_READ_BYTES = 64 * 1024
_INTERIM_MAX = 8  # heads with 1xx before the answer's own
# What may come around a body's bytes: a chunk for each is five times as much, and more is there to keep somebody busy.
_FRAMING_BYTES_SPARE, _FRAMING_RATIO_MAX = 128 * 1024, 16


class StreamConnection:
    """Errors of the network and of the protocol come as `CallFailed`. `abort` ends it, also while somebody waits."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers_bytes_max: int) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=headers_bytes_max)
        self._answered = False
        self._received = 0

    def abort(self) -> None:
        self._writer.transport.abort()

    async def send(self, request: StreamRequest) -> None:
        """The whole request, as fast as the upstream reads it."""
        exchange = request.exchange
        await self._write(_head(request))
        if exchange.body is None:
            if request.body:
                await self._write(h11.Data(data=request.body))
        else:
            async for chunk in exchange.body:
                await self._write(h11.Data(data=chunk))
        await self._write(h11.EndOfMessage())

    async def read_head(self) -> h11.Response:
        for _ in range(_INTERIM_MAX):
            event = await self._next()
            if isinstance(event, h11.Response):
                self._answered = True
                return event
        raise CallFailed(Reason.FRAMING, "only interim answers came", answered=True)

    async def chunks(self, *, idle_ms: int, bytes_max: int) -> AsyncIterator[bytes]:
        """The body as it comes; its end is the connection's."""
        left, began = bytes_max, self._received
        try:
            while True:
                try:
                    async with asyncio.timeout(idle_ms / 1000):
                        event = await self._next()
                except TimeoutError as error:
                    raise CallFailed(Reason.TIMEOUT, "the stream stands still", answered=True) from error
                if not isinstance(event, h11.Data):
                    return
                left -= len(event.data)
                if left < 0:
                    raise CallFailed(Reason.OVERSIZE, f"more than {bytes_max} B came", answered=True)
                framing = self._received - began - (bytes_max - left)
                if framing > _FRAMING_BYTES_SPARE + _FRAMING_RATIO_MAX * (bytes_max - left):
                    raise CallFailed(Reason.FRAMING, "it sends more around its body than in it", answered=True)
                yield bytes(event.data)
        finally:
            self.abort()

    async def _write(self, event: h11.Event) -> None:
        try:
            self._writer.write(self._protocol.send(event) or b"")
            await self._writer.drain()
        except h11.LocalProtocolError as error:
            # What the browser sent is not what its head promised.
            raise CallFailed(Reason.LEFT, f"the request can not be sent: {error}"[:200]) from error
        except OSError as error:
            raise CallFailed(Reason.CUT, str(error)[:200]) from error

    async def _next(self) -> h11.Event:
        ended = False
        try:
            while (event := self._protocol.next_event()) is h11.NEED_DATA:
                received = await self._reader.read(_READ_BYTES)
                ended = not received
                self._received += len(received)
                self._protocol.receive_data(received)
        except h11.RemoteProtocolError as error:
            reason = Reason.CUT if ended else Reason.FRAMING
            if error.error_status_hint == 431:
                reason = Reason.HEADERS_OVERSIZE
            raise CallFailed(reason, str(error)[:200], answered=self._answered or not ended) from error
        except OSError as error:
            raise CallFailed(Reason.CUT, str(error)[:200], answered=self._answered) from error
        return cast(h11.Event, event)  # what makes h11 pause is never sent, and nothing is read behind an answer


def _head(request: StreamRequest) -> h11.Request:
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    exchange = request.exchange
    headers = [("Host", parts.netloc), ("Connection", "close"), ("Accept-Encoding", "identity")]
    headers += [(name, value) for name, value in request.headers if name != "accept-encoding"]
    if exchange.body is not None and exchange.length is None:
        headers.append(("Transfer-Encoding", "chunked"))
    elif exchange.body is not None or request.body or not request.safe:
        headers.append(("Content-Length", str(len(request.body) if exchange.body is None else exchange.length)))
    return h11.Request(method=request.method, target=target, headers=headers)
