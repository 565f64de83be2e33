"""One page in a browser session of its own, watched from its first byte.

Public: `WatchedPage`, `LOAD_MS_MAX`.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Response
from playwright.async_api import Error as PlaywrightError

from tests.drills.evidence import value
from tests.drills.evidence.figures import is_well
from tests.drills.evidence.siblings import ACTIONS_MAX, STYLE_PROPERTIES, STYLED_ELEMENTS_MAX, SlotRendering
from tests.drills.evidence.stopwatch import Stopwatch
from tests.drills.evidence.visitor import Visitor, new_trace, server_timings
from tests.drills.evidence.volatile import TEXT_SELECTORS, SlotMarkup, slots_of

HERE = Path(__file__).parent
WATCH = (HERE / "watch.js").read_text("utf-8")
PLACES = (HERE / "places.js").read_text("utf-8")
SIBLINGS = (HERE / "siblings.js").read_text("utf-8")
LOAD_MS_MAX = 15_000
CONSOLE_MAX = 100
TRANSITIONS_MAX = 2000
TEXT_MAX = 600
WEBP_QUALITY = 80


class _Places(msgspec.Struct):
    width: int
    height: int
    places: dict[str, tuple[int, int, int, int]]


class _StateChange(msgspec.Struct):
    """A report of watch.js. The page itself could send one, so it is validated."""

    at: float
    origin: float
    slot: str
    state: str
    reason: str = ""
    words: str = ""
    ms: str = ""


class WatchedPage:
    """`page` is Playwright's page; its observed changes are in `timeline`, `console` and `timings`."""

    def __init__(self, viewer: value.Viewer, url: str, stopwatch: Stopwatch, visitor: Visitor) -> None:
        self.viewer = viewer
        self.url = url
        self.timeline: list[value.Transition] = []
        self.console: list[value.ConsoleError] = []
        self.timings: list[value.ServerTiming] = []
        self.trace_ids: list[str] = []
        self.statuses: dict[str, int] = {}
        self.served: dict[str, SlotMarkup] = {}
        self.loads = 0
        self.browser: Browser
        self.context: BrowserContext
        self.page: Page
        self._stopwatch = stopwatch
        self.visitor = visitor
        self._origins: dict[float, int] = {}
        self._slots: set[str] = set()
        self._changed = asyncio.Event()

    async def open(self, browser: Browser, context_options: Mapping[str, Any]) -> None:
        self.browser = browser
        self.context = await browser.new_context(base_url=self.url, reduced_motion="reduce", **context_options)
        if self.visitor.cookies:
            pairs: list[Any] = [{"name": k, "value": v, "url": self.url} for k, v in self.visitor.cookies.items()]
            await self.context.add_cookies(pairs)
        self.page = await self.context.new_page()
        await self.page.set_extra_http_headers(dict(self.visitor.headers))
        await self.page.expose_function("drillTransition", self._record_change)
        await self.page.add_init_script(WATCH)
        self.page.on("console", self._console_message)
        self.page.on("pageerror", lambda error: self._console_error(str(error)))
        self.page.on("response", self._response)

    async def load(self, path: str) -> bool:
        """Open `path`, or reload it if it is open; returns whether a complete answer came."""
        self.loads += 1
        trace_id, traceparent = new_trace()
        self.trace_ids.append(trace_id)
        await self.page.set_extra_http_headers({**self.visitor.headers, "traceparent": traceparent})
        try:
            answer = await self.page.goto(path, timeout=LOAD_MS_MAX)
            served = await answer.text() if answer else ""
        except PlaywrightError as error:
            self._console_error(f"the page did not load: {str(error).splitlines()[0]}")
            self.served = {}
            self._count("none")
            return False
        self.served = slots_of(served)
        self._count(str(answer.status) if answer else "none")
        return bool(answer and answer.ok)

    def states(self) -> dict[str, str]:
        """The state of each slot in the current load."""
        return {each.slot: each.state for each in self.timeline if each.load == self.loads}

    @property
    def slots(self) -> set[str]:
        """All slots that any load has had."""
        return self._slots

    def well(self) -> bool:
        return is_well(self.states(), self._slots)

    async def until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Wait until `holds()` is true after a change of the page; returns whether it became true."""
        try:
            async with asyncio.timeout(within_s):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return holds()
        return True

    async def picture(self, moment: value.Moment, folder: Path) -> value.Picture | None:
        """A screenshot of the whole page, written to `folder`; None if the page can not be photographed."""
        name = f"{moment}-{self.viewer}.webp"
        at_ms = self._stopwatch.now_ms()
        try:
            await self.page.screenshot(
                path=folder / name, type="webp", quality=WEBP_QUALITY, full_page=True, animations="disabled"
            )
            found = msgspec.convert(await self.page.evaluate(PLACES), _Places)
        except (PlaywrightError, msgspec.ValidationError):
            return None
        return value.Picture(moment, self.viewer, at_ms, name, found.width, found.height, found.places)

    async def shown(self) -> dict[str, SlotRendering]:
        """Each slot as rendered; empty if the page does not answer."""
        arguments = {
            "masks": list(TEXT_SELECTORS),
            "properties": list(STYLE_PROPERTIES),
            "elementsMax": STYLED_ELEMENTS_MAX,
            "actionsMax": ACTIONS_MAX,
        }
        try:
            found = msgspec.convert(await self.page.evaluate(SIBLINGS, arguments), list[SlotRendering])
        except (PlaywrightError, msgspec.ValidationError):
            return {}
        return {each.slot: each for each in found}

    def _record_change(self, message: object) -> None:
        try:
            change = msgspec.convert(message, _StateChange, strict=False)
        except msgspec.ValidationError:
            return
        if len(self.timeline) >= TRANSITIONS_MAX:
            return
        load = self._origins.setdefault(change.origin, self.loads)
        at_ms = self._stopwatch.of_wall_ms(change.at)
        slot, state, reason, words = (
            text[:TEXT_MAX] for text in (change.slot, change.state, change.reason, change.words)
        )
        self._slots.add(slot)
        self.timeline.append(value.Transition(at_ms, slot, state, reason, words, self.viewer, load))
        if change.ms.isascii() and change.ms.isdigit():
            self.timings.append(value.ServerTiming(at_ms, self.viewer, slot, float(change.ms[:9]), state))
        self._changed.set()

    def _console_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._console_error(message.text)

    def _console_error(self, text: str) -> None:
        if len(self.console) < CONSOLE_MAX:
            self.console.append(value.ConsoleError(self._stopwatch.now_ms(), self.viewer, text[:TEXT_MAX]))

    def _response(self, response: Response) -> None:
        header = response.headers.get("server-timing", "")
        if header and response.url.startswith(self.url):
            at_ms = self._stopwatch.now_ms()
            self.timings += [
                value.ServerTiming(at_ms, self.viewer, slot, ms, state) for slot, ms, state in server_timings(header)
            ]

    def _count(self, status: str) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
