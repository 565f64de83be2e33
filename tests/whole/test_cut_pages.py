"""A page whose stream is cut, or stops, fetches its missing slots by itself."""

import re
import threading
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.support.cutting_proxy import Cut, CuttingProxy, before_slots, between_slots, inside_slot
from tests.support.lobby import Console, states, wait_for
from tests.support.mullion import Mullion
from tests.support.slow_house import SLOTS, SlowHouse

pytestmark = pytest.mark.timeout(120)

# Three times the promise: the machine may be busy.
HEALED_S_MAX = 30
LOST_S_MAX = 3
FRESH = dict.fromkeys(SLOTS, "fresh")
SLOTTED = "document.querySelector('page-layout').children.length"
CUTS = {
    "closed before slots": Cut(before_slots),
    "closed between slots": Cut(between_slots),
    "closed inside a slot": Cut(inside_slot),
    "reset between slots": Cut(between_slots, reset=True),
    "reset inside a slot": Cut(inside_slot, reset=True),
}
DECLARED = re.compile(
    r"net::ERR_(INCOMPLETE_CHUNKED_ENCODING|CONNECTION_RESET)|status of 502|Error Code 502 from /slots/"
)


@pytest.fixture
def proxy(slow: SlowHouse) -> Iterator[CuttingProxy]:
    with CuttingProxy(slow.url) as proxy:
        yield proxy


def open_cut(page: Page, proxy: CuttingProxy, cut: Cut) -> Console:
    """The page as far as it comes, with cached styles from an earlier visit of this browser's; the browser may never
    report it as loaded."""
    if len(page.context.pages) == 1:
        proxy.cut = None
        page.goto(proxy.url)
    console = Console(page)
    proxy.cut = cut
    page.goto(proxy.url, wait_until="commit")
    wait_for(lambda: page.locator("page-layout").count())
    return console


def is_filled(page: Page) -> bool:
    return states(page) == FRESH and page.get_by_text("All is well.").count() == len(SLOTS)


def test_page_that_was_cut_fills_its_places(proxy: CuttingProxy, context: BrowserContext) -> None:
    """Closed or reset, between two slots or within one: every slot is fresh in time, and each place has one."""
    pages = {}
    for name, cut in CUTS.items():
        page = context.new_page()
        pages[name] = page, open_cut(page, proxy, cut)
    for name, (page, console) in pages.items():
        wait_for(lambda page=page: is_filled(page), HEALED_S_MAX, lambda page=page, name=name: (name, states(page)))
        assert page.evaluate(SLOTTED) == len(SLOTS), name
        assert [error for error in console.errors if not DECLARED.search(error)] == [], name


def test_cut_page_asks_again_when_the_shell_fails_at_first(proxy: CuttingProxy, page: Page) -> None:
    """A slot whose first answer is a 502 is not lost; the skeleton stays until a later answer comes, and that one
    works."""
    proxy.refuse("/slots/lobby/tables", 2)
    console = open_cut(page, proxy, Cut(between_slots))
    wait_for(lambda: proxy.seen["/slots/lobby/tables"], HEALED_S_MAX)
    layout = "document.querySelector('page-layout').shadowRoot"
    assert page.evaluate(f"{layout}.querySelector('slot[name=tables]').assignedElements().length") == 0
    wait_for(lambda: is_filled(page), HEALED_S_MAX, lambda: states(page))
    assert proxy.seen["/slots/lobby/tables"] >= 3
    assert len([error for error in console.errors if "502" in error]) == 4
    assert [error for error in console.errors if not DECLARED.search(error)] == []


def test_page_that_was_cut_before_its_layout_is_opened_once_more(proxy: CuttingProxy, page: Page) -> None:
    """While the layout waits for its styles, a browser that loses the page has no place to fill, so it reloads."""
    waiting: list[Route] = []
    layout = "**/static/layouts/lobby.*.css"
    page.route(layout, lambda route: waiting.append(route))
    proxy.cut = Cut(between_slots)
    lost: list[str] = []
    page.on("requestfailed", lambda request: lost.append(request.url))
    page.goto(proxy.url, wait_until="commit")
    began = time.monotonic()

    def is_lost() -> bool:
        """A browser need not report that a page was cut: then this time has to pass."""
        page.wait_for_timeout(50)
        return bool(waiting) and (f"{proxy.url}/" in lost or time.monotonic() - began > LOST_S_MAX)

    wait_for(is_lost)
    proxy.cut = None
    waiting[0].continue_()
    page.unroute(layout)
    expect(page.get_by_text("All is well.")).to_have_count(len(SLOTS), timeout=HEALED_S_MAX * 1000)
    assert proxy.seen["/"] == 3  # one page that was cut, and one request whether the shell answers


def test_half_of_a_shadow_root_is_replaced(house: Mullion, page: Page) -> None:
    """A slot that was cut within a fragment's own root, as in a lobby, is complete again."""
    with CuttingProxy(house.url) as proxy:
        proxy.refuse("/slots/", 1000)  # nothing replaces the half while it is looked at
        open_cut(page, proxy, Cut(inside_slot))
        # A slot that only marks a nested place does not stand in one.
        slots = "[...document.querySelectorAll('fragment-slot:not([data-place])')]"
        ends = f"{slots}.map(s => !!s.shadowRoot?.querySelector('fragment-end'))"
        wait_for(lambda: page.evaluate(ends) == [True, False], describe=lambda: page.evaluate(ends))
        proxy.refuse("/slots/", 0)
        wait_for(lambda: page.evaluate(ends) == [True] * 4, HEALED_S_MAX, lambda: page.evaluate(ends))


def test_late_rest_of_a_page_does_not_fill_a_place_twice(proxy: CuttingProxy, context: BrowserContext) -> None:
    """A stream that continues after its slots were fetched leaves one slot in each place: the one already there."""
    pages, rest = [], threading.Event()
    for at in (between_slots, inside_slot):
        pages.append(context.new_page())
        open_cut(pages[-1], proxy, Cut(at, goes_on=rest))
    for page in pages:
        wait_for(lambda page=page: is_filled(page), HEALED_S_MAX, lambda page=page: states(page))
        assert page.evaluate("document.readyState") == "loading"
        page.evaluate("document.querySelector('fragment-slot[slot=tables]').marked = true")
    rest.set()
    for page in pages:
        wait_for(lambda page=page: page.evaluate("document.readyState") == "complete")
        assert page.evaluate(SLOTTED) == len(SLOTS)
        assert page.evaluate("document.querySelector('fragment-slot[slot=tables]').marked") is True
        assert is_filled(page)
