"""A page with a sandboxed fragment in a browser: a test chooses its HTML and its stylesheet.

Public: `DressedPage`.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from urllib.parse import urlsplit

import msgspec
from playwright.sync_api import Page, Route

from bff.contracts.manifest import parse
from bff.resilience.deadline import Deadline
from bff.resilience.outcome import State
from shell.composition.assets import PREFIX, static_file
from shell.composition.compiler import Compiler
from shell.composition.contain import Contained, Container, LinkPolicy
from shell.composition.include import Include
from shell.composition.ladder import Included
from shell.composition.page import Page as ShellPage
from shell.composition.page import Slot, Visit
from shell.composition.release import ASSETS_PREFIX, Release, Snapshot, Trust
from shell.composition.stream import Composer
from shell.composition.wrap import Wrapper
from shell.pages.table import NOT_FOUND
from shell.security import header_list

ORIGIN = "http://mullion.test"
GUEST = "tables"
SHEET = "guest.css"
OTHERS = "<h2>{name}</h2><p class='words'>What {name} shows</p><button class='own'>Buy {name}</button>"


class DressedPage:
    """The lobby with `html` and `css` of a sandboxed fragment in its slot `tables`, and trusted fragments in the
    others.

    With `cart` the table puts a slot of a trusted one inside it.
    """

    def __init__(self, css: str, html: str, *, cart: bool = False, trust: Trust = Trust.SANDBOXED) -> None:
        slots = [Slot(name, name) for name in ("wallet", GUEST, "promotions")]
        if cart:
            slots.append(Slot("cart", "cart", inside=GUEST))
        self._css = css
        self._html = {slot.name: OTHERS.format(name=slot.name) for slot in slots} | {GUEST: html}
        page = ShellPage("lobby", "/", "lobby.html", tuple(slots))
        releases = {
            slot.name: _release(slot.name, trust if slot.name == GUEST else Trust.FIRST_PARTY) for slot in slots
        }
        self._snapshot = Snapshot(1, MappingProxyType(releases))
        self._visit = Visit(page, {}, language="en", locale="en-GB", currency="EUR", origin=ORIGIN)

    def immediate(self, include: Include) -> Included | None:
        """Includes that are ready at once."""
        release = include.published
        made = Container().contain(
            self._html[include.slot.name].encode(),
            "text/html",
            prefix=include.prefix,
            isolation=release.isolation,
            links=LinkPolicy(),
            sandboxed=release.sandboxed,
            places=include.places,
        )
        assert isinstance(made, Contained), made
        return Included(include.slot, State.FRESH, made.html, release)

    async def include(self, include: Include, deadline: Deadline) -> Included:
        raise AssertionError("everything is at hand")

    async def _composed(self) -> bytes:
        composer = Composer(Compiler(), self, NOT_FOUND, Wrapper())  # type: ignore[arg-type]
        composition = composer.compose(self._visit, self._snapshot)
        opening = await composition.open()
        return opening.head + b"".join([chunk async for chunk, _ in composition.remaining()])

    def open(self, page: Page) -> None:
        """Opens the page, with the stylesheet that pages would link."""
        with ThreadPoolExecutor(
            1
        ) as pool:  # Playwright's own event loop runs in this thread, so asyncio needs another one
            document = pool.submit(asyncio.run, self._composed()).result()

        def answer(route: Route) -> None:
            path = urlsplit(route.request.url).path
            if path == "/":
                headers = {**dict(header_list()), "content-type": "text/html; charset=utf-8"}
                route.fulfill(body=document, headers=headers)
            elif path == ASSETS_PREFIX + SHEET:
                route.fulfill(body=self._css, content_type="text/css; charset=utf-8")
            elif path.startswith(PREFIX) and (file := static_file(path)):
                route.fulfill(body=file.plain, content_type=file.content_type)
            else:
                route.fulfill(status=404, body="")

        page.route("**/*", answer)
        page.goto(f"{ORIGIN}/")
        page.locator("fragment-slot[data-whole]").nth(len(self._snapshot.releases) - 1).wait_for(state="attached")


def _release(name: str, trust: Trust) -> Release:
    described = parse(msgspec.json.encode({"name": name, "version": "1", "mullion": {"isolation": "shadow"}}))
    css = (SHEET,) if name == GUEST else ()
    return Release(name, "1", described, f"{ORIGIN}/m.json", b"", css=css, js=(), trust=trust)
