"""The shop's pages as documents, and what a shell would make of them in this process.

Public: `DOCUMENTS`, `pages`, `Shop`, `states`.
"""

import asyncio
import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from bff.resilience.policy import Policy
from bff.resilience.transport import Transport
from shell.composition.compiler import Compiler
from shell.composition.includer import Includer
from shell.composition.page import Page, PageTable, Visit
from shell.composition.release import Release, Snapshot, Trust
from shell.composition.stream import Composer
from shell.composition.upstreams import Upstreams
from shell.composition.wrap import Wrapper
from shell.pages.document import page_of_document, read_document
from shell.pages.table import NOT_FOUND
from shell.registry.fetch import Fetcher
from shell.registry.gate.assess import release_of
from shell.registry.origins import Origins

DOCUMENTS = tuple(sorted((Path(__file__).parent / "pages").glob("*.toml")))
# Nothing here is about lateness, so a busy machine gets time.
_DEADLINE_MS = 20_000
_SLOT = re.compile(r'<fragment-slot slot="([a-z]+)".*? data-state="([a-z]+)" data-reason="([a-z_]*)"')


def pages() -> PageTable:
    """Each as publishing reads it."""
    read = (read_document(json.dumps(tomllib.loads(path.read_text("utf-8"))).encode()) for path in DOCUMENTS)
    return PageTable([page_of_document(document, {}) for document in read])


def states(html: str) -> dict[str, tuple[str, str]]:
    """(state, reason) of each slot in a page."""
    return {name: (state, reason) for name, state, reason in _SLOT.findall(html)}


class Shop:
    """`async with Shop(manifest_urls) as shop: await shop.page("/shop/")`, without a database or a browser."""

    def __init__(self, manifest_urls: Iterable[str], trust: Trust = Trust.FIRST_PARTY) -> None:
        self.pages = pages()
        self.notes: dict[str, tuple[str, ...]] = {}
        self._urls, self._trust = manifest_urls, trust
        self._snapshot = Snapshot()

    async def __aenter__(self) -> Self:
        transport = Transport(Policy(deadline_ms=_DEADLINE_MS))
        try:
            releases = await asyncio.gather(*(self._published(transport, url) for url in self._urls))
        finally:
            await transport.aclose()
        self._snapshot = Snapshot(1, MappingProxyType({release.fragment: release for release in releases}))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Each page had guards of its own."""

    async def page(self, path: str, player: str = "", **queries: str) -> str:
        """The whole page, from a shell that has met no failure yet."""
        found = self.pages.match(path)
        assert found is not None, path
        visit = _visit(*found, player)
        upstreams = Upstreams(page_deadline_ms=_DEADLINE_MS)
        includer = Includer(upstreams, lambda *_: "")
        composer = Composer(Compiler(), includer, NOT_FOUND, Wrapper(), page_deadline_ms=_DEADLINE_MS)
        composition = composer.compose(visit, self._snapshot)
        try:
            opening = await composition.open()
            return (opening.head + b"".join([chunk async for chunk, _ in composition.remaining()])).decode()
        finally:
            await composition.close()
            await includer.aclose()
            await upstreams.aclose()

    async def _published(self, transport: Transport, url: str) -> Release:
        async def trust_of(_: str) -> Trust:
            return self._trust

        copy = await Fetcher(transport, Origins([], loopback=True), trust_of, self.pages).copy(url)
        self.notes[copy.manifest.name] = copy.notes
        return release_of(copy, copy.trust)


def _visit(page: Page, params: dict[str, str], player: str) -> Visit:
    return Visit(page, params, "en", "en-GB", "EUR", "http://localhost", player=player, player_name=player)
