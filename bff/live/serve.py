"""The live house, served as every house is, and bounded where sockets need more: `python -m bff.live.serve`.

Public: `config`, `BoundedSocket`.
What no ASGI application can do for itself: drop a connection whose peer does not read what is left to say.
Compression is off: it costs more memory a socket than everything else, and the messages are small.
"""

import asyncio
import os
import socket
import sys
from dataclasses import replace

import uvicorn
from django.core.exceptions import ImproperlyConfigured
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from bff.resilience import serving
from bff.resilience.bounds import policy_of

try:
    from bff.live import settings
except ImproperlyConfigured as error:
    sys.exit(str(error))

POLICY = settings.LIVE_POLICY


class BoundedSocket(WebSocketsSansIOProtocol):
    """When the application is done with a socket, so is the connection, `close_s_max` later at most."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a TCP transport
        super().connection_made(transport)
        # The kernel would take megabytes for a peer that does not read, and nobody would know that it does not.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, POLICY.buffer_bytes_max)
        transport.set_write_buffer_limits(high=POLICY.buffer_bytes_max)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        if not self.disconnected:
            # A graceful close first writes what is buffered, which never ends when the peer does not read.
            self.loop.call_later(POLICY.close_s_max, self.transport.abort)


def config(application: str = "bff.live.asgi:application") -> uvicorn.Config:
    """How uvicorn runs this house."""
    return serving.config(
        application,
        replace(policy_of(os.environ), head_s_max=POLICY.head_s_max, head_bytes_max=POLICY.head_bytes_max),
        ws=BoundedSocket,
        ws_max_size=POLICY.message_bytes_max,
        log_config=None,
    )


if __name__ == "__main__":
    serving.serve(config())
