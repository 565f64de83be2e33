"""One end of a connection, as asyncio calls it.

Public: `Side`.
"""

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from tests.drills.proxy.connection import Connection

BUFFER_BYTES_MAX = 256 * 1024
_RST = struct.pack("ii", 1, 0)


class Side(asyncio.Protocol):
    """Reports asyncio's events to its connection. `at_end`: the peer will send no more. `failed`: the peer vanished
    without saying so."""

    transport: asyncio.Transport

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self.made = self.at_end = self.failed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=BUFFER_BYTES_MAX)
        self.made = True
        self._connection.side_made(self)

    def data_received(self, data: bytes) -> None:
        self._connection.received(self, data)

    def eof_received(self) -> bool:
        self.at_end = True
        self._connection.ended(self)
        return True  # the other direction stays open

    def connection_lost(self, error: Exception | None) -> None:
        self.failed = error is not None
        self._connection.side_lost(self)

    def pause_writing(self) -> None:
        self._connection.sink_full(self, True)

    def resume_writing(self) -> None:
        self._connection.sink_full(self, False)

    def close(self) -> None:
        """After what was written."""
        if self.made:
            self.transport.close()

    def reset(self) -> None:
        """At once, with RST."""
        if not self.made or self.transport.is_closing():
            return
        raw = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        self.transport.abort()
