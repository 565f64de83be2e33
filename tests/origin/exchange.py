"""One request on one connection, and the bytes that a fault answers with.

Public: `Exchange`, `Gone`, `HTML`.
"""

import asyncio
import contextlib
import select
import socket
import struct
import time
from dataclasses import dataclass, field

HEAD_BYTES_MAX = 64 * 1024
HTML = (("Content-Type", "text/html; charset=utf-8"), ("podlet-version", "1.0.0"))


class Gone(Exception):
    """The other side has closed."""


@dataclass
class Exchange:
    """A request that was read, and the means to answer it byte by byte. `body` is what a healthy origin would say."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    method: str
    path: str
    headers: dict[str, str]
    number: int
    body: bytes
    argument: str = ""
    request_body: bytes = b""
    closes: bool = field(default=False, init=False)
    idle_ms: int | None = field(default=None, init=False)

    async def send(self, data: bytes) -> None:
        """These bytes, with back-pressure; raises `Gone`."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except (ConnectionError, RuntimeError) as error:
            raise Gone from error

    async def drip(self, data: bytes, pause_ms: float) -> None:
        """A byte at a time."""
        for at in range(len(data)):
            await self.send(data[at : at + 1])
            await asyncio.sleep(pause_ms / 1000)

    async def answer(
        self, status: int = 200, headers: tuple[tuple[str, str], ...] = HTML, body: bytes | None = None
    ) -> None:
        """A whole answer, framed by Content-Length."""
        content = self.body if body is None else body
        await self.send(head(status, (*headers, ("Content-Length", str(len(content))))) + content)

    async def waits(self, idle_ms: int) -> bool:
        """Whether more comes within so many milliseconds; nothing of it is read."""
        raw: socket.socket = self.writer.get_extra_info("socket")
        ended_at = time.monotonic() + idle_ms / 1000
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]
        while not select.select([raw.fileno()], [], [], 0)[0]:
            if time.monotonic() >= ended_at:
                return False
            await asyncio.sleep(0.001)
        self.writer.transport.resume_reading()  # type: ignore[attr-defined]
        return True

    async def hold(self) -> None:
        """Say nothing more, until the other side closes."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(4096):
                pass
        self.close()

    def close(self) -> None:
        """End the connection after what was sent."""
        self.closes = True

    def reset(self) -> None:
        """End the connection with RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        self.closes = True


def head(status: int, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
    """A status line and headers, up to and with the empty line."""
    lines = [f"HTTP/1.1 {status} {'OK' if status < 400 else 'Fault'}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


async def read_head(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]] | None:
    """(method, path, headers in lower case) of the next request; None when there is none."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        return None
    first, *rest = raw.decode("latin-1").strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in rest)
    return method, path, {name.strip().lower(): value.strip() for name, _, value in pairs}
