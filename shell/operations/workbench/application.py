"""The workbench as an ASGI application: its own pages, the cells that they frame, and the BFF that fragments are given.

Public: `Workbench`.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from bff.contracts import codes
from bff.contracts.partition import in_baggage
from bff.contracts.problem import PROBLEM_TYPE, Problem
from bff.resilience.lifespan import serve_lifespan
from shell.composition.assets import PREFIX, static_file
from shell.composition.release import ASSETS_PREFIX
from shell.operations.workbench import walls
from shell.operations.workbench.bench import Bench
from shell.operations.workbench.cell_page import THEME_PREFIX, CellPages
from shell.operations.workbench.choice import Choice
from shell.operations.workbench.fixtures import answer_of
from shell.operations.workbench.states import THEMES, BenchState, Cell
from shell.operations.workbench.themes import theme_style
from shell.operations.workbench.watch import fingerprint

LOOKS_EVERY_S = 0.4
LATE_S = 3.0
# More at once would miss their deadlines on a small machine, and show other states than the chosen ones.
AT_ONCE_MAX = 2
HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
HTML, TEXT, JSON = "text/html; charset=utf-8", "text/plain; charset=utf-8", "application/json"
Answer = tuple[int, str, bytes]


class Workbench:
    """Serves `benches`, which start with it and again whenever their files change."""

    def __init__(self, benches: Sequence[Bench], say: Callable[[str], None] = lambda line: None) -> None:
        self._benches = {bench.folder.name: bench for bench in benches}
        self._say = say
        self._cells = CellPages()
        self._at_once = asyncio.Semaphore(AT_ONCE_MAX)
        self._changed = asyncio.Event()
        self._following: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await serve_lifespan(receive, send, start=self._start, stop=self._stop)
        elif scope["type"] == "http" and scope["path"] == "/events":
            await self._events(receive, send)
        elif scope["type"] == "http":
            status, kind, body = await self._answer(scope)
            await _respond(send, status, kind, body)

    @property
    def generation(self) -> int:
        """Grows with every restart of any bench."""
        return sum(bench.generation for bench in self._benches.values())

    async def _start(self) -> None:
        self._following = [asyncio.create_task(self._follow(bench)) for bench in self._benches.values()]
        for task in self._following:
            task.add_done_callback(self._log_end)

    def _log_end(self, task: asyncio.Task[None]) -> None:
        """A mistake of the workbench itself ends the following of one fragment, and is no secret."""
        if not task.cancelled() and (error := task.exception()):
            self._say(f"the workbench broke: {error!r}")

    async def _stop(self) -> None:
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        await asyncio.gather(*(bench.stop() for bench in self._benches.values()))

    async def _follow(self, bench: Bench) -> None:
        """Start the fragment, and restart it at every change of its files; a mistake is shown until it is mended."""
        seen = None
        while True:
            found = await asyncio.to_thread(fingerprint, bench.folder.folder)
            if found != seen:
                seen = found
                await bench.restart()
                self._say(f"{bench.folder.name}: {bench.problem or 'ready'}")
                self._changed.set()
                self._changed = asyncio.Event()
            await asyncio.sleep(LOOKS_EVERY_S)

    async def _answer(self, scope: Any) -> Answer:
        if _host(scope) not in HOSTS:
            return 403, TEXT, b"The workbench answers this machine alone, by 127.0.0.1 or localhost.\n"
        path: str = scope["path"]
        first, _, rest = path.lstrip("/").partition("/")
        if first == "bff":
            return await self._view(scope, rest)
        if scope["method"] not in ("GET", "HEAD"):
            return 404, TEXT, b"Nothing is sent from the workbench: no form and no command.\n"
        if path.startswith(PREFIX) and (file := static_file(path)):
            return 200, file.content_type, file.plain
        if path.startswith(ASSETS_PREFIX):
            return self._asset(path)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if path == "/":
            choice = Choice.of(query, list(self._benches))
            return 200, HTML, await walls.workbench(choice, self._benches, self.generation)
        if path == "/gallery/":
            return 200, HTML, walls.gallery(self._benches, self.generation)
        if first in ("cells", "slots"):
            theme = query.get("theme", "") if first == "cells" else ""
            key, _, slot = rest.partition("/")
            return await self._cell(key, slot, whole=first == "cells", theme=theme if theme in THEMES else "")
        if path.startswith(THEME_PREFIX):
            return 200, "text/css; charset=utf-8", theme_style(rest.removesuffix(".css"))
        return 404, TEXT, b"Here are /, /gallery/ and the cells that they show.\n"

    async def _cell(self, key: str, slot: str, *, whole: bool, theme: str) -> Answer:
        cell = Cell.of(key)
        bench = self._benches.get(cell.fragment) if cell else None
        if cell is None or bench is None or (not whole and not bench.has(cell, slot)):
            return 404, TEXT, b"There is no such cell.\n"
        async with self._at_once:
            shown = await bench.show(cell)
        if shown is None:
            return 503, TEXT, (bench.problem or "There is no such slot.").encode()
        return 200, HTML, self._cells.page(cell, *shown, theme) if whole else self._cells.element(*shown)

    def _asset(self, path: str) -> Answer:
        for bench in self._benches.values():
            if file := bench.files.get(path):
                return 200, file.content_type, file.body
        return 404, TEXT, b""

    async def _view(self, scope: Any, rest: str) -> Answer:
        """The fixture for `bff-queries` or another upstream, in the state that the request's mark names."""
        name, _, path = rest.partition("/")
        bench = self._benches.get(name)
        if bench is None or scope["method"] != "GET":
            return 503, PROBLEM_TYPE, _ENGINE_DOWN
        headers = dict(scope["headers"])
        baggage = headers.get(b"baggage", b"").decode("latin-1")
        now = datetime.now(UTC)
        partition = in_baggage(baggage, bench.keys.partition, now=now.timestamp())
        state = BenchState(partition.name) if partition else BenchState.FRESH
        if state is BenchState.SLOW:
            await asyncio.sleep(LATE_S)
        signed_in = b"authorization" in headers
        answer = answer_of(bench.folder.fixtures, path, state, now, signed_in=signed_in)
        if answer is None:
            return 404, PROBLEM_TYPE, _NOTHING
        return 200, JSON, msgspec.json.encode(answer)

    async def _events(self, receive: Any, send: Any) -> None:
        """One event with the number of the run, and one more with every change, until the browser leaves."""
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        left = asyncio.create_task(_until_left(receive))
        try:
            while not left.done():
                changed = asyncio.create_task(self._changed.wait())
                event = f"data: {self.generation}\n\n".encode()
                await send({"type": "http.response.body", "body": event, "more_body": True})
                await asyncio.wait((changed, left), return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
        finally:
            left.cancel()


_ENGINE_DOWN = msgspec.json.encode(Problem(503, "The workbench takes no commands", codes.ENGINE_DOWN))
_NOTHING = msgspec.json.encode(Problem(404, "There is no such file in fixtures", "unknown"))


async def _until_left(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _host(scope: Any) -> str:
    host: str = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return host if host.endswith("]") else host.rpartition(":")[0] or host


async def _respond(send: Any, status: int, kind: str, body: bytes) -> None:
    pairs = [*CellPages.headers(), ("content-type", kind), ("content-length", str(len(body)))]
    headers = [(name.encode(), value.encode()) for name, value in [*pairs, ("cache-control", "no-store")]]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
