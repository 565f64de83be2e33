"""Pages of three fragments that are functions, composed in this process; each takes as long as a test says.

Public: `FunctionPages`, `NAMES`, `PAGE`, `WARM_MS`, `COLD_MS`.
"""

import asyncio
from types import MappingProxyType
from urllib.parse import urlsplit

import msgspec

from bff.contracts.manifest import parse
from bff.resilience.deadline import Deadline
from bff.resilience.message import Headers, Request, Response
from bff.resilience.policy import Policy
from shell.composition.compiler import Compiler
from shell.composition.includer import Includer
from shell.composition.ladder import Included
from shell.composition.page import Page, Slot
from shell.composition.release import Release, Snapshot, Trust
from shell.composition.stream import Composer
from shell.composition.upstreams import Upstreams
from shell.pages.table import NOT_FOUND
from shell.visits import Incoming, visit_of
from tests.origin.publishing import FALLBACK, manifest

NAMES = ("wallet", "tables", "promotions")
PAGE = Page("lobby", "/", "lobby.html", tuple(Slot(name, name, query=("page",)) for name in NAMES))
WARM_MS, COLD_MS = 20, 5000


class FunctionPages:
    """One shell whose fragments are functions; `took_ms` is how long each takes now, `html` what it answers."""

    def __init__(self, **extension: object) -> None:
        self.clock = asyncio.get_running_loop().time
        self.took_ms = dict.fromkeys(NAMES, WARM_MS)
        self.html = {name: f"<p>{name} answers</p>" for name in NAMES}
        upstreams = Upstreams(policy=Policy(), connect=lambda policy: self, clock=self.clock)
        includer = Includer(upstreams, lambda visit, *_: visit.player, clock=self.clock)
        self.composer = Composer(Compiler(), includer, NOT_FOUND, clock=self.clock)
        declared = {"kind": "function", "isolation": "shadow", "stale_s_max": 60} | extension
        self.snapshot = Snapshot(1, MappingProxyType({name: _release(name, declared) for name in NAMES}))

    async def send(self, request: Request, deadline: Deadline) -> Response:
        name = urlsplit(request.url).hostname or ""
        await asyncio.sleep(self.took_ms[name] / 1000)
        headers = Headers((("content-type", "text/html"), ("podlet-version", "1.0.0")))
        return Response(200, headers, self.html[name].encode())

    async def aclose(self) -> None:
        """Nothing to close."""

    async def page(self, query: str = "", *, page: Page = PAGE, answered: Included | None = None) -> str:
        """What a browser that asks for the page gets."""
        scope = {"method": "GET", "path": page.route, "query_string": query.encode(), "headers": []}
        composition = self.composer.compose(
            visit_of(Incoming.of(scope), page, {}, None), self.snapshot, answered=answered
        )
        opening = await composition.open()
        document = opening.head + b"".join([chunk async for chunk, _more in composition.remaining()])
        await composition.close()
        return document.decode()


def _release(name: str, declared: dict[str, object]) -> Release:
    described = parse(msgspec.json.encode(manifest(**declared) | {"name": name}))
    url = f"http://{name}/manifest.json"
    return Release(name, f"{name}-1", described, url, FALLBACK, (), (), trust=Trust.FIRST_PARTY)
