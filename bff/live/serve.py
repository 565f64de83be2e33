"""The live house on uvicorn, bounded where uvicorn is not: `python -m bff.live.serve`.

Public: `config`, `BoundedHttp`, `BoundedSocket`.
Three things no ASGI application can do for itself: end a request whose head never becomes whole, cap that head, and
drop a connection whose peer does not read what is left to say. Compression is off: it costs more memory a socket
than everything else, and the messages are small.
"""

import asyncio
import os
import socket

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from bff.live import settings

POLICY = settings.LIVE_POLICY


class BoundedHttp(HttpToolsProtocol):
    """A request's head is whole within `head_s_max` and `head_bytes_max`, or the connection is cut."""

    head_timer: asyncio.TimerHandle | None = None
    head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        if self.head_timer is None:
            self._expect_head()
        self.head_bytes += len(data)
        super().data_received(data)
        if self.head_timer is not None and self.head_bytes > POLICY.head_bytes_max:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        self._forget_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self.head_bytes = 0
        self.head_timer = self.loop.call_later(POLICY.head_s_max, self.transport.abort)

    def _forget_head(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None


class BoundedSocket(WebSocketsSansIOProtocol):
    """When the application is done with a socket, so is the connection, `close_s_max` later at most."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # The kernel would take megabytes for a peer that does not read, and nobody would know that it does not.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, POLICY.buffer_bytes_max)
        transport.set_write_buffer_limits(high=POLICY.buffer_bytes_max)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        if not self.disconnected:
            # A graceful close first writes what is buffered, which never ends when the peer does not read.
            self.loop.call_later(POLICY.close_s_max, self.transport.abort)


def config(host: str, port: int) -> uvicorn.Config:
    """How uvicorn runs this house."""
    return uvicorn.Config(
        "bff.live.asgi:application",
        host=host,
        port=port,
        http=BoundedHttp,
        ws=BoundedSocket,
        ws_max_size=POLICY.message_bytes_max,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=2,
        log_config=None,
        access_log=False,
        log_level="warning",
        server_header=False,
    )


if __name__ == "__main__":
    uvicorn.Server(config(os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8012")))).run()
