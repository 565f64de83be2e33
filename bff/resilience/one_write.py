"""An answer's head is sent together with the first bytes of its body: one write, which wakes the reader once.

Public: `OneWriteTransport`.

Uvicorn writes the head by itself, and the loop sends what it is given at once: two system calls, two packets and two
wakes of the reader for each small answer, and a page is made of a dozen of them. A head whose body comes later, as that
of a stream of events, leaves in the loop's next turn.
"""

import asyncio
from typing import Any

_HEAD = b"HTTP/1.1 "


class OneWriteTransport:
    """`transport`, but for heads. In all else it is `transport` itself."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._release)
            return
        self.transport.write(data)

    def close(self) -> None:
        self._release()
        self.transport.close()

    def _release(self) -> None:
        if self._head and not self.transport.is_closing():
            self.transport.write(self._head)
        self._head = b""
