"""A fault proxy in the test's own event loop, in front of an upstream whose bytes the test writes.

Public: `Rig`, `Peer`, `Upstream`, `http_answer`, `request`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from tests.drills.proxy.collection import Proxies
from tests.drills.proxy.proxy import FaultProxy

WAIT_S = 30.0
BODY = b'{"at": "2026-03-01T12:00:00Z", "words": "all is well"}'


class Peer:
    """One end of a plain connection; every wait has a time limit."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def read(self, count: int) -> bytes:
        async with asyncio.timeout(WAIT_S):
            return await self.reader.readexactly(count)

    async def some(self) -> bytes:
        async with asyncio.timeout(WAIT_S):
            return await self.reader.read(65536)

    async def rest(self) -> bytes:
        """All bytes until the other side ends; ConnectionResetError if it resets."""
        async with asyncio.timeout(WAIT_S):
            return await self.reader.read(-1)

    async def rest_or(self, expected: bytes) -> bytes:
        """As many bytes as expected, or fewer if the end comes first."""
        async with asyncio.timeout(WAIT_S):
            try:
                return await self.reader.readexactly(len(expected))
            except asyncio.IncompleteReadError as short:
                return short.partial

    async def quiet(self, seconds: float = 0.15) -> bool:
        """Whether nothing comes for so long; a byte that does come is lost."""
        try:
            async with asyncio.timeout(seconds):
                return not await self.reader.read(1)
        except TimeoutError:
            return True

    async def answer(self) -> tuple[bytes, bytes]:
        """Head and body of an answer with a Content-Length."""
        async with asyncio.timeout(WAIT_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return head, await self.read(length)

    def close(self) -> None:
        self.writer.close()


Upstream = Callable[[Peer], Awaitable[None]]


def request(path: str = "/", *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: upstream", *headers, "", ""]).encode()


def http_answer(body: bytes = BODY, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", "Date: Sun, 01 Mar 2026 12:00:00 GMT", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def echo(peer: Peer) -> None:
    """Sends back what it receives, until the client ends."""
    while data := await peer.reader.read(65536):
        await peer.send(data)


class Http:
    """An upstream that answers each request with `http_answer`; `seen` holds their heads."""

    def __init__(self, body: bytes = BODY) -> None:
        self.body, self.seen = body, list[bytes]()

    async def __call__(self, peer: Peer) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                self.seen.append(await peer.reader.readuntil(b"\r\n\r\n"))
                await peer.send(http_answer(self.body))


class Rig:
    """`async with Rig(echo) as rig: client = await rig.connect(); rig.add("latency", latency=200)`."""

    def __init__(self, upstream: Upstream, speaks: tuple[str, ...] = ()) -> None:
        self._upstream, self._speaks = upstream, speaks
        self.proxies = Proxies()
        self._peers: list[Peer] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.upstream_port = self._server.sockets[0].getsockname()[1]
        body = {"name": "hop", "upstream": f"127.0.0.1:{self.upstream_port}", "speaks": list(self._speaks)}
        self.proxy: FaultProxy = await self.proxies.create(body, self.now())
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for peer in self._peers:
            peer.close()
        self.proxies.close()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.sleep(0)

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def add(self, fault: str, stream: str = "", session: str = "", toxicity: float = 1, **attributes: int | str) -> str:
        """Adds a toxic; returns its name."""
        body: dict[str, Any] = {"type": fault, "toxicity": toxicity, "session": session, "attributes": attributes}
        return self.proxy.add({**body, **({"stream": stream} if stream else {})}, self.now()).name

    async def connect(self) -> Peer:
        host, _, port = self.proxy.listen.rpartition(":")
        peer = Peer(*await asyncio.open_connection(host, int(port)))
        self._peers.append(peer)
        return peer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await self._upstream(Peer(reader, writer))
        writer.close()
