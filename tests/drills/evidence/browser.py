"""The recorder with a real browser: a tester's page and a control page beside it, watched during one drill.

Public: `BrowserRecorder`, `Taken`, `open_browser`.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from playwright.async_api import Browser, async_playwright
from playwright.async_api import Error as PlaywrightError

from tests.drills.evidence import control_changes, value
from tests.drills.evidence.accessibility import axe_run
from tests.drills.evidence.control_changes import Pair, Slots
from tests.drills.evidence.logs import log_lines
from tests.drills.evidence.siblings import digest_of
from tests.drills.evidence.stopwatch import Stopwatch
from tests.drills.evidence.video import NoEncoder, encoder_environ
from tests.drills.evidence.visitor import Visitor
from tests.drills.evidence.watched_page import WatchedPage
from tests.drills.evidence.window import no_window
from tests.support import chromium

VIDEO_SIZE: Any = {"width": 960, "height": 600}
VIDEO_FPS = 8
VIEW: Any = {"width": 1280, "height": 800}
RELOAD_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Taken:
    """Which optional evidence to take. The timeline and the digests are always taken."""

    pictures: bool = True
    axe: bool = True
    trace: bool = True
    video: bool = True


@asynccontextmanager
async def open_browser(*, headed: bool = False) -> AsyncIterator[Browser]:
    """One Chromium for all recorders of a run. Raises `NoChromium`, with `headed` also if its window could not be
    shown."""
    found = await asyncio.to_thread(chromium.find)
    if headed and (problem := no_window(found.path, sys.platform, os.environ)):
        raise chromium.NoChromium(problem)
    with ExitStack() as stack:
        with suppress(NoEncoder):  # a recorder that wants a video reports this in its evidence
            environ = stack.enter_context(encoder_environ())
            stack.enter_context(_changed_environ(environ))
        driver = await async_playwright().start()
        try:
            browser = await driver.chromium.launch(headless=not headed, **found.launch_options())  # type: ignore[arg-type]
            yield browser
            await browser.close()
        finally:
            await driver.stop()


@contextmanager
def _changed_environ(changes: Mapping[str, str]) -> Iterator[None]:
    """Playwright's driver takes its environment from this process only, so the variables are set here meanwhile."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value_before in before.items():
            if value_before is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value_before


class BrowserRecorder:
    """See `Recorder`. `control` visits the control page; None compares with the page before the fault.

    `folder` is created for pictures, trace and video. `browser` may be shared by several recorders. `log_file` is the
    file to which `up` writes the logs of all processes.
    """

    def __init__(
        self,
        base_url: str,
        *,
        folder: Path,
        path: str = "/",
        tester: Visitor = Visitor(),  # noqa: B008 (frozen)
        control: Visitor | None = Visitor(),  # noqa: B008 (frozen)
        browser: Browser | None = None,
        taken: Taken = Taken(),
        colour_scheme: Literal["dark", "light"] = "dark",
        log_file: Path | None = None,
    ) -> None:
        self._stopwatch = Stopwatch()
        self._base_url, self._path, self._folder = base_url.rstrip("/"), path, folder
        self._tester = WatchedPage("tester", self._base_url, self._stopwatch, tester)
        self._control = WatchedPage("control", self._base_url, self._stopwatch, control) if control else None
        self._browser, self._taken, self._colour_scheme = browser, taken, colour_scheme
        self._log_file = log_file
        self._stack = AsyncExitStack()
        self._broken_slots: set[str] = set()
        self._sure_slots: set[str] = set()
        self._compared: Collection[str] | None = None
        self._fault_ms: list[int | None] = [None, None]
        # The page before the fault: the control's if there is one, else the tester's.
        self._before: Slots = ({}, {})
        self._during: Slots = ({}, {})
        self._reload = True
        self._pictures: list[value.Picture] = []
        self._axe: list[value.AxeRun] = []
        self._siblings: list[value.SiblingDigest] = []
        self._files: list[value.File] = []
        self._missing: dict[str, str] = {}
        self._filming = False

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        browser = self._browser
        if browser is None:
            browser = await self._stack.enter_async_context(open_browser())
        for page in self._pages:
            await page.open(browser, self._view)
        if self._taken.video:
            await self._start_video()
        if self._taken.trace:
            await self._tester.context.tracing.start(screenshots=True, snapshots=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._filming:
                await self._tester.page.screencast.stop()
                self._add_file("video", "video.webm", "video/webm")
            if self._taken.trace:
                await self._tester.context.tracing.stop(path=self._folder / "trace.zip")
                self._add_file("trace", "trace.zip", "application/zip")
            for page in self._pages:
                await page.context.close()
        except (PlaywrightError, OSError) as problem:
            self._missing.setdefault("trace and video", str(problem).splitlines()[0])
        finally:
            await self._stack.aclose()

    async def before(self, within_s: float = 10) -> bool:
        await self._load()
        well = await self._tester.until(self._tester.well, within_s)
        await self._look("before")
        return well

    def fault_began(self, *, ago_ms: int = 0) -> None:
        if self._fault_ms[0] is None:
            self._fault_ms[0] = self._stopwatch.now_ms() - ago_ms

    async def during(
        self,
        broken_slots: Collection[str],
        within_s: float = 10,
        *,
        surely: Collection[str] | None = None,
        siblings: Collection[str] | None = None,
        reload: bool = True,
    ) -> bool:
        self._broken_slots = set(broken_slots)
        self._compared, self._reload = siblings, reload
        self._sure_slots = self._broken_slots if surely is None else set(surely)
        deadline_ms = self._stopwatch.now_ms() + within_s * 1000
        while True:
            if reload:
                await self._load()
            left_s = (deadline_ms - self._stopwatch.now_ms()) / 1000
            seen = await self._tester.until(self._shows_fault, min(RELOAD_EVERY_S, left_s) if reload else left_s)
            if seen or self._stopwatch.now_ms() >= deadline_ms:
                break
        await self._look("during")
        if self._taken.axe:
            await self._run_axe("during")
        return seen

    def fault_ended(self, *, ago_ms: int = 0) -> None:
        self._fault_ms[1] = self._stopwatch.now_ms() - ago_ms

    async def after(self, within_s: float = 10) -> bool:
        well = await self._tester.until(self._tester.well, within_s)
        await self._take_pictures("after")
        if well and self._reload and not self._control and not all(each.same for each in self._siblings):
            self._siblings = control_changes.after(self._siblings, self._during, await self._opened_anew())
        return well

    def evidence(self) -> value.Evidence:
        tester = self._tester
        timeline = sorted((each for page in self._pages for each in page.timeline), key=lambda each: each.at_ms)
        began_ms, ended_ms = self._fault_ms
        return value.Evidence(
            recording="browser",
            base_url=self._base_url,
            path=self._path,
            began_at=self._stopwatch.began_at,
            ended_at=self._stopwatch.at,
            broken_slots=tuple(sorted(self._broken_slots)),
            fault_began_ms=began_ms,
            fault_ended_ms=ended_ms,
            loads=tester.loads,
            statuses=dict(tester.statuses),
            trace_ids=tuple(tester.trace_ids),
            timeline=tuple(timeline),
            pictures=tuple(self._pictures),
            console_errors=tuple(each for page in self._pages for each in page.console),
            axe=tuple(self._axe),
            siblings=tuple(self._siblings),
            server_timings=tuple(each for page in self._pages for each in page.timings),
            log_lines=log_lines(self._log_file, tester.trace_ids) if self._log_file else (),
            files=tuple(self._files),
            missing=self._missing
            if self._log_file
            else {**self._missing, "log lines": "no log of this system is here"},
        )

    async def _start_video(self) -> None:
        try:
            await self._tester.page.screencast.start(path=self._folder / "video.webm", fps=VIDEO_FPS, size=VIDEO_SIZE)
            self._filming = True
        except PlaywrightError as problem:
            self._missing["video"] = str(problem).splitlines()[0]

    @property
    def _view(self) -> Mapping[str, Any]:
        return {"viewport": VIEW, "color_scheme": self._colour_scheme}

    @property
    def _pages(self) -> Sequence[WatchedPage]:
        return (self._tester, self._control) if self._control else (self._tester,)

    def _shows_fault(self) -> bool:
        """Whether the page has all its slots, and those that the fault touches are not fresh."""
        states = self._tester.states()
        hit = {slot for slot in self._broken_slots if states.get(slot, "absent") not in ("fresh", "absent")}
        shows = self._sure_slots <= hit if self._sure_slots else bool(hit) or not self._broken_slots
        return shows and self._tester.slots <= states.keys()

    async def _load(self) -> None:
        """Loads both pages at the same moment."""
        await asyncio.gather(*(page.load(self._path) for page in self._pages))

    async def _look(self, moment: value.Moment) -> None:
        """Takes pictures, then compares the siblings."""
        await self._take_pictures(moment)
        others = self._tester.slots - self._broken_slots
        slots = sorted(others if self._compared is None else others & {*self._compared})
        ours = (self._tester.served, await self._tester.shown())
        if self._control:
            pair = (ours, (self._control.served, await self._control.shown()))
            found = await control_changes.beside(moment, slots, pair, self._before, self._take_anew)
            self._siblings.extend(found)
        elif moment == "during":
            self._during = ours
            for slot in slots:
                of = [(served.get(slot), shown.get(slot)) for served, shown in (ours, self._before)]
                self._siblings.append(digest_of(slot, moment, "before", of[0], of[1]))
        if moment == "before":
            self._before = pair[1] if self._control else ours

    async def _take_anew(self) -> Pair | None:
        """Loads both pages again during the same fault; None if that is not possible or the fault ended meanwhile."""
        assert self._control is not None
        over = self._fault_ms[1]
        if not self._reload:
            return None
        await self._load()
        pair = (
            (self._tester.served, await self._tester.shown()),
            (self._control.served, await self._control.shown()),
        )
        return pair if self._fault_ms[1] == over else None

    async def _opened_anew(self) -> Slots:
        """The tester's next visit, in a page beside the open one; empty if no page came."""
        page = WatchedPage("tester", self._base_url, self._stopwatch, self._tester.visitor)
        try:
            await page.open(self._tester.browser, self._view)
            try:
                await page.load(self._path)
                return page.served, await page.shown()
            finally:
                await page.context.close()
        except PlaywrightError:
            return {}, {}

    async def _take_pictures(self, moment: value.Moment) -> None:
        if not self._taken.pictures:
            return
        for picture in await asyncio.gather(*(page.picture(moment, self._folder) for page in self._pages)):
            if picture is None:
                self._missing[f"picture {moment}"] = "the page could not be photographed"
            else:
                self._pictures.append(picture)
                self._add_file("picture", picture.path, "image/webp")

    async def _run_axe(self, moment: value.Moment) -> None:
        """Runs axe on a page of its own: axe writes styles, which the watched page's console would report."""
        beside = await self._tester.context.new_page()
        try:
            await beside.goto(self._path)
            self._axe.append(await axe_run(beside, moment))
        except PlaywrightError as problem:
            self._missing["axe"] = str(problem).splitlines()[0]
        finally:
            await beside.close()

    def _add_file(self, kind: value.FileKind, path: str, media_type: str) -> None:
        self._files.append(value.File(kind, path, media_type, (self._folder / path).stat().st_size))
