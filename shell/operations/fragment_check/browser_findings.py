"""The check of each slot in a browser: screenshots, script errors, violations of the page's CSP, and accessibility
problems.

Public: `look`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shell.composition.ladder import Included
from shell.operations.fragment_check.accessibility import broken_rules
from shell.operations.fragment_check.browser import NoBrowser, chromium
from shell.operations.fragment_check.composed import ORIGIN, ComposedPage
from shell.operations.fragment_check.report import Report, SlotReport
from shell.registry.gate.findings import Finding, Level
from shell.registry.gate.rules import Rule

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Route

WIDTHS_PX = (1280, 390)
HEIGHT_PX = 800
SETTLES_MS = 300  # styles and scripts are there at once: they come from this process
_READ_AGAIN = (
    "document.querySelector('fragment-slot')?.dispatchEvent(new CustomEvent('mullion:refetch', {bubbles: true}))"
)
_OVER_PX = """
Math.max(0, ...[document.documentElement, ...document.querySelectorAll("fragment-slot")].map(
  (element) => element.scrollWidth - element.clientWidth))
"""
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")  # for the name of a file
_POLICY = "Content Security Policy"


@dataclass(slots=True)
class PageEvents:
    """Errors and violations that the page caused."""

    thrown: list[str] = field(default_factory=list)
    forbidden: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


def look(report: Report, folder: Path | None) -> None:
    """Add what a browser sees to `report`, and pictures to `folder`; without a browser, why it was not looked at."""
    if not report.slots:
        return
    try:
        with chromium() as browser:
            for slot in report.slots:
                for name, included in _shown(slot):
                    _look_at(browser, ComposedPage(slot, included, report.files), f"{slot.where}{name}", report, folder)
    except NoBrowser as error:
        report.skipped.append(f"pictures and accessibility, as {error}")
    report.findings = list(dict.fromkeys(report.findings))


def _shown(slot: SlotReport) -> Iterator[tuple[str, Included]]:
    """The slot as it is, and as it is while its origin fails."""
    yield "", slot.included
    yield from (("-failing", row.included) for row in slot.survivals if row.fault.name == "500")


def _look_at(browser: "Browser", composed: ComposedPage, name: str, report: Report, folder: Path | None) -> None:
    for scripts in (True, False):
        context = browser.new_context(java_script_enabled=scripts)
        try:
            page, watched = context.new_page(), PageEvents()
            page.route("**/*", lambda route, watched=watched: _fulfil(route, composed, watched))
            if scripts:
                report.findings += _run(page, watched, name)
            else:
                page.goto(f"{ORIGIN}/", wait_until="load")
            for width_px in WIDTHS_PX:
                page.set_viewport_size({"width": width_px, "height": HEIGHT_PX})
                if folder is not None:
                    path = folder / f"{_UNFIT.sub('-', name)}-{width_px}{'' if scripts else '-no-script'}.png"
                    page.screenshot(path=path, full_page=True)
                    report.pictures.append(str(path))
                if scripts:
                    report.findings += [*_too_wide(page, name, width_px), *broken_rules(page, name)]
        finally:
            context.close()


def _run(page: "Page", watched: PageEvents, name: str) -> list[Finding]:
    """What happens as the page is opened, and as its slot is read again once, as it is whenever something changed."""
    handlers = _watch(page, watched)
    page.goto(f"{ORIGIN}/", wait_until="load")
    page.wait_for_timeout(SETTLES_MS)
    page.evaluate(_READ_AGAIN)
    page.wait_for_timeout(SETTLES_MS)
    # Taking pictures and judging accessibility put styles of their own into the page.
    for event, handler in handlers.items():
        page.remove_listener(event, handler)
    return list(_event_findings(watched, name))


def _watch(page: "Page", watched: PageEvents) -> dict[str, Callable[[Any], None]]:
    def on_error(error: "Error") -> None:
        watched.thrown.append(str(error).splitlines()[0][:300])

    def on_console(message: "ConsoleMessage") -> None:
        if _POLICY in message.text:
            watched.forbidden.append(message.text.splitlines()[0][:300])

    handlers: dict[str, Callable[[Any], None]] = {"pageerror": on_error, "console": on_console}
    for event, handler in handlers.items():
        page.on(event, handler)  # type: ignore[call-overload]  # one overload for each event's name
    return handlers


def _fulfil(route: "Route", composed: ComposedPage, watched: PageEvents) -> None:
    answered = composed.answer(route.request.url)
    if answered is None:
        if not route.request.url.startswith(("data:", "blob:")):
            watched.elsewhere.append(route.request.url[:300])
        route.abort()
        return
    route.fulfill(status=answered.status, headers=dict(answered.headers), body=answered.body)


def _event_findings(watched: PageEvents, where: str) -> Iterator[Finding]:
    for message in watched.thrown:
        remedy = "Mend it; it runs each time the slot's HTML arrives."
        yield Finding(Rule.SCRIPT_ERROR, Level.ERROR, where, f"a script throws: {message}", remedy)
    for message in watched.forbidden:
        remedy = "Take it out: pages load nothing but what the manifest names, and run no script in HTML."
        yield Finding(Rule.BROWSER_REFUSES, Level.WARNING, where, f"the browser refuses it: {message}", remedy)
    for url in watched.elsewhere:
        remedy = "Call your own origin under podium-public-pathname and a name of `proxy`."
        message = f"it calls {url}, which pages do not let through"
        yield Finding(Rule.BROWSER_REFUSES, Level.WARNING, where, message, remedy)


def _too_wide(page: "Page", where: str, width_px: int) -> Iterator[Finding]:
    over_px = page.evaluate(_OVER_PX)
    if over_px > 0:
        message = f"at {width_px} px it is {over_px} px wider than its place"
        remedy = "Let it wrap, or scroll in a place of its own (overflow: auto)."
        yield Finding(Rule.OVERFLOW, Level.WARNING, where, message, remedy)
