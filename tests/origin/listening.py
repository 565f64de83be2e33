"""The port of an origin, which can stop answering in ways that no answer could show.

Public: `Port`.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

from tests.origin.faults import Listener

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


class Port:
    """One port that accepts, refuses, drops, or accepts without a handshake; it stays the same port throughout."""

    def __init__(self, connected: Connected, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self._connected = connected
        self._host = host
        self._context = context
        self._server: asyncio.Server | None = None
        self._hole: list[socket.socket] = []
        self._held: list[asyncio.StreamWriter] = []
        self.number = port
        self.mode: Listener | None = None

    async def set(self, mode: Listener) -> bool:
        """Change what happens to those who connect; whether it did. Connections that stand are left alone."""
        if mode is self.mode:
            return False
        await self.close()
        self.mode = mode
        if mode is Listener.BLACK_HOLE:
            self._dig()
        elif mode is not Listener.REFUSING:
            await self._listen(shakes=mode is Listener.OPEN)
        return True

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for held in self._held:
            held.transport.abort()
        for each in self._hole:
            each.close()
        self._hole, self._held, self.mode = [], [], None

    async def _listen(self, *, shakes: bool) -> None:
        connected = self._connected if shakes else lambda _reader, writer: self._held.append(writer)
        listening = self._bound(backlog=512)
        self._server = await asyncio.start_server(connected, sock=listening, ssl=self._context if shakes else None)

    def _dig(self) -> None:
        # With the smallest backlog filled by ourselves and nobody accepting, the kernel drops every further SYN.
        self._hole = [self._bound(backlog=0)]
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((self._host, self.number))
            self._hole.append(filler)

    def _bound(self, backlog: int) -> socket.socket:
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind((self._host, self.number))
        bound.listen(backlog)
        self.number = bound.getsockname()[1]
        return bound
