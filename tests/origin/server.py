"""A fragment's origin that can be broken in every named way, while it runs.

Public: `Origin`, `Seen`.
"""

import asyncio
import contextlib
import json
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from tests.origin import publishing, reaching, saying
from tests.origin.certificates import Authority
from tests.origin.exchange import Exchange, Gone, read_head
from tests.origin.faults import Listener, Switch, parse
from tests.origin.listening import Port

__all__ = ["SWITCHES", "Origin", "Seen"]

SWITCHES = (reaching, saying, publishing)  # each registers its faults
BODY = b"<section><h2>Origin</h2><p>All is well.</p></section>"
SEEN_MAX = 10_000
AWAY_MS = 5  # how long the end of an idle connection is on its way
_CSS = (("Content-Type", "text/css"),)
_JSON = (("Content-Type", "application/json"),)
_FALLBACK = (("Content-Type", "text/html; charset=utf-8"),)


@dataclass(frozen=True)
class Seen:
    """A request that came. `headers` have lower-case names."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Origin:
    """`async with Origin() as origin:` then call `origin.url`, `origin.fail("short-body")`, `origin.heal()`.

    `body` is the healthy content, at every path but `/manifest.json`, `/fallback`, `/style.css` and `/more.css`. `seen`
    holds the requests that came; `in_flight`, `in_flight_max` and `connections` count. `write`, if set, makes the body
    of each request instead.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, body: bytes = BODY, tls: bool = False, name: str = "origin"
    ) -> None:
        self.body = body
        self.write: Callable[[Seen], bytes] | None = None
        self.name = name
        self.headers: tuple[tuple[str, str], ...] = ()
        self.seen: deque[Seen] = deque(maxlen=SEEN_MAX)
        self.requests = self.in_flight = self.in_flight_max = 0
        self._switch: Switch | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._folder = TemporaryDirectory()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        self.authority = Authority(Path(self._folder.name)) if tls else None
        self._load("good")
        self._port = Port(self._connected, host, port, self._context)
        self._host = "localhost" if tls else host

    async def __aenter__(self) -> "Origin":
        await self._port.set(Listener.OPEN)
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"{'https' if self._context else 'http'}://{self._host}:{self._port.number}"

    @property
    def connections(self) -> int:
        """Connections that stand."""
        return len(self._tasks)

    @property
    def fault(self) -> Switch | None:
        """What is broken, if anything."""
        return self._switch

    async def fail(self, fault: str, at: str = "/") -> None:
        """Break it: `name` or `name=argument`, for paths that start with `at`; ValueError for what is not known."""
        switch = parse(fault, at)
        self._switch = switch
        self._load(switch.fault.certificate)
        if await self._port.set(switch.fault.listener):
            await self.cut()  # an old connection would hide that no other can be made

    async def heal(self) -> None:
        """Roll the fault back. Connections that it holds are cut, as those of a restarted process are."""
        self._switch = None
        self._load("good")
        await self._port.set(Listener.OPEN)
        await self.cut()

    async def cut(self) -> None:
        """End every connection that stands."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def aclose(self) -> None:
        """Stop; nothing is left behind."""
        await self._port.close()
        await self.cut()
        self._folder.cleanup()

    def _load(self, certificate: str) -> None:
        if self._context is not None and self.authority is not None:
            self.authority.load(self._context, certificate)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(Gone, ConnectionError):
                exchange = await self._exchange(reader, writer)
                while exchange is not None and not exchange.closes and await _has_patience(exchange):
                    exchange = await self._exchange(reader, writer)
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange | None:
        came = await read_head(reader)
        if came is None:
            return None
        method, path, headers = came
        sent = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests += 1
        seen = Seen(method, path, headers, sent)
        self.seen.append(seen)
        body = self.write(seen) if self.write else self.body
        exchange = Exchange(reader, writer, method, path, headers, self.requests, body, request_body=sent)
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)
        try:
            await self._respond(exchange)
        finally:
            self.in_flight -= 1
        return exchange

    async def _respond(self, exchange: Exchange) -> None:
        switch = self._switch
        if switch is not None and switch.fault.answer is not None and exchange.path.startswith(switch.at):
            exchange.argument = switch.argument
            await switch.fault.answer(exchange)
            return
        path = exchange.path.partition("?")[0]
        if path == "/manifest.json":
            await exchange.answer(200, _JSON, json.dumps({**publishing.manifest(), "name": self.name}).encode())
        elif path == "/fallback":
            await exchange.answer(200, _FALLBACK, publishing.FALLBACK)
        elif path == "/style.css":
            await exchange.answer(200, _CSS, publishing.STYLE)
        elif path == "/more.css":
            await exchange.answer(200, _CSS, publishing.MORE_STYLE)
        else:
            await exchange.answer(200, (*reaching.HTML, *self.headers))


async def _has_patience(exchange: Exchange) -> bool:
    """Whether the next request came before the connection counted as idle; what comes after that is never read."""
    if exchange.idle_ms is None or await exchange.waits(exchange.idle_ms):
        return True
    await asyncio.sleep(AWAY_MS / 1000)
    return False
