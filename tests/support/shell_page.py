"""A page of three slots over three origins that tests can break, composed in this process.

Public: `Trio`, `element`, `steady`.
"""

import asyncio
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Any

import msgspec

from bff.contracts.manifest import Manifest, parse
from bff.resilience.last_good import LastGood
from bff.resilience.policy import Policy
from shell.composition.body import Body
from shell.composition.compiler import Compiler
from shell.composition.include import Include
from shell.composition.includer import Includer
from shell.composition.page import PAGE_DEADLINE_MS, Page, Slot, Visit
from shell.composition.probe_targets import ProbeTargets
from shell.composition.recent_outcomes import RecentOutcomes
from shell.composition.release import Release, Snapshot, Trust
from shell.composition.stream import Composer, Opening
from shell.composition.upstreams import Upstreams
from shell.composition.wrap import Wrapper
from shell.pages.table import NOT_FOUND
from tests.origin.publishing import FALLBACK, manifest
from tests.origin.server import Origin

NAMES = ("wallet", "tables", "promotions")
PAGE = Page("lobby", "/", "lobby.html", tuple(Slot(name, name) for name in NAMES))
_ELEMENT = re.compile(rb'<fragment-slot slot="([a-z]+)".*?</fragment-slot>\n', re.DOTALL)
_VOLATILE = re.compile(rb' (?:data-ms|data-as-of|data-retry-ms)="[^"]*"')


def steady(markup: bytes) -> bytes:
    """`markup` without the attributes that differ from visit to visit."""
    return _VOLATILE.sub(b"", markup)


def element(page: bytes, slot: str) -> bytes:
    """The element of one slot in a page."""
    return next(found[0] for found in _ELEMENT.finditer(page) if found[1] == slot.encode())


def shell_markup(page: bytes) -> bytes:
    """A page without its fragments' HTML."""
    return _ELEMENT.sub(b"", page)


class Trio:
    """Three healthy origins and a composer over them; `origins["tables"].fail(...)` breaks one."""

    def __init__(
        self,
        *,
        policy: Policy | None = None,
        extension: Mapping[str, object] | None = None,
        page_deadline_ms: int = PAGE_DEADLINE_MS,
        last_good: LastGood[Body] | None = None,
        probe_path: str = "/",
    ) -> None:
        self.origins = {name: Origin(body=f"<section><h2>{name}</h2></section>".encode()) for name in NAMES}
        self._extension = dict({"isolation": "shadow", "deadline_ms": 600} | dict(extension or {}))
        self.upstreams = Upstreams(
            lambda release: ProbeTargets(
                Include(Slot(release.fragment, release.fragment, probe_path), self.visit(), release)
            ),
            policy or Policy(),
            page_deadline_ms=page_deadline_ms,
        )
        self.recent = RecentOutcomes()
        self.includer = Includer(
            self.upstreams,
            lambda visit, audience, scopes, life_s: f"token-of-{visit.player}-for-{audience}",
            last_good=last_good,
            watch=self.recent.note,
        )
        self.composer = Composer(
            Compiler(), self.includer, NOT_FOUND, Wrapper(random.Random(7)), page_deadline_ms=page_deadline_ms
        )
        self.snapshot = Snapshot()

    async def __aenter__(self) -> "Trio":
        for origin in self.origins.values():
            await origin.__aenter__()
        releases = {name: self._release(name) for name in NAMES}
        self.snapshot = Snapshot(1, MappingProxyType(releases))
        self._compile()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.includer.aclose()
        await self.upstreams.aclose()
        for origin in self.origins.values():
            await origin.aclose()

    def visit(self, player: str = "", *, page: Page = PAGE, **more: Any) -> Visit:
        return Visit(
            page=page,
            params={},
            language="en",
            locale="en-GB",
            currency="EUR",
            origin="http://localhost",
            player=player,
            player_name=player,
            **more,
        )

    def include(self, slot: Slot, visit: Visit | None = None) -> Include:
        """An attempt to fill `slot` from the live release."""
        return Include(slot, visit or self.visit(), self.snapshot.releases.get(slot.fragment))

    async def page(self, visit: Visit | None = None) -> bytes:
        """The whole page as a browser would receive it."""
        opening, rest = await self.look(visit)
        return opening.head + rest

    async def whole_page(self) -> bytes:
        """A page whose slots are all fresh: on a busy machine a slot of the first page may be late."""
        async with asyncio.timeout(30):
            while (page := await self.page()).count(b'data-state="fresh"') < len(NAMES):
                pass
        return page

    async def look(self, visit: Visit | None = None) -> tuple[Opening, bytes]:
        """The part that is sent first, and the rest."""
        composition = self.composer.compose(visit or self.visit(), self.snapshot)
        try:
            opening = await composition.open()
            return opening, b"".join([chunk async for chunk, _more in composition.remaining()])
        finally:
            await composition.close()

    def move(self, name: str, url: str) -> None:
        """The release of `name` is served at `url` from now on."""
        moved = replace(self.snapshot.releases[name], digest=f"{name}-2", manifest_url=f"{url}/manifest.json")
        self.snapshot = Snapshot(2, MappingProxyType({**self.snapshot.releases, name: moved}))

    def _compile(self) -> None:
        """Compiles the template as a starting shell does: in a new process that takes longer than a page may."""
        for signed_in in (False, True):
            self.composer.compiler.compiled(PAGE, language="en", signed_in=signed_in, snapshot=self.snapshot)

    def _release(self, name: str) -> Release:
        body = msgspec.json.encode(manifest(**self._extension) | {"name": name})
        described: Manifest = parse(body)
        url = f"{self.origins[name].url}/manifest.json"
        return Release(name, f"{name}-1", described, url, FALLBACK, css=(), js=(), trust=Trust.FIRST_PARTY)
