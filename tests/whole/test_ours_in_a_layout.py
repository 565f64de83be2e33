"""The demo's own fragments in a stock `@podium/layout`, in Chromium: what the book says of them is so."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from bff.contracts.manifest import parse
from tests.support.fragments_house import Fragment
from tests.support.podium import ours
from tests.support.podium.ours import OURS, Ours, Side
from tests.support.podium.rig import Podium
from tests.support.podium.table import BOOK
from tests.support.slow_house import SlowHouse

Seen = list[tuple[Ours, Side, Side]]


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, Fragment]]:
    with ours.ours_running() as running:
        yield running


@pytest.fixture(scope="module")
def seen(podium: Podium, _slow_house_of_the_run: SlowHouse, browser: Browser, running: dict[str, Fragment]) -> Seen:
    return ours.both_sides(podium, _slow_house_of_the_run, browser, running)


def test_picture_of_each_is_the_one_that_the_shells_page_shows(seen: Seen, page: Page) -> None:
    """At 1280 px in the dark and at 390 px in the light, in as much room as it has here."""
    for each, there, here in seen:
        for width, one, other in zip(ours.WIDTHS, there.pictures, here.pictures, strict=True):
            assert ours.looks_alike(page, one, other), f"{each.room} at {width}"


def test_scripts_come_from_the_fragments_own_origin_and_mount_themselves(seen: Seen) -> None:
    """The countdown of the first offer shows seconds, which only the script writes; the console says nothing."""
    by_room = {each.room: there for each, there, _ in seen}
    assert by_room["promotions"].written == "12 min 0 s"
    assert {room: side.errors for room, side in by_room.items()} == {each.room: () for each in OURS}


# An element of the layout's own, by the very names that our styles use; and all that it and the page look like.
NEIGHBOUR = """<div id="neighbour" class="card summary table felt offer"><h2 class="title">T</h2>
<p class="note">n</p><ul class="facts"><li>1</li></ul><a class="button" href="/">b</a></div>"""
LOOK = """html => {
  document.body.insertAdjacentHTML("beforeend", html);
  const neighbour = document.querySelector("#neighbour");
  return [document.documentElement, document.body, neighbour, ...neighbour.querySelectorAll("*")].map((each) => {
    const style = getComputedStyle(each);
    // How high the page is says nothing of how it looks, and a token is no look until somebody asks for it.
    const passed = /size|^width|^height|origin|^--|inset|^(top|bottom|left|right)$/;
    const names = [...style].filter((name) => !passed.test(name));
    return names.map((name) => `${name}: ${style.getPropertyValue(name)}`);
  });
}"""


def test_nothing_of_ours_reaches_beyond_its_own_frame(
    podium: Podium, page: Page, running: dict[str, Fragment], seen: Seen
) -> None:
    """What else stands in a layout's page looks as it does without us, whatever it is called."""
    page.set_content('<!doctype html><html lang="en-US"><body></body></html>')
    alone = page.evaluate(LOOK, NEIGHBOUR)
    podlets = [{"name": slot, "uri": f"{each.url}/manifest.json"} for slot, each in running.items()]
    page.goto(podium.layout("page", *podlets).url)
    assert page.locator("link[rel=stylesheet]").count() == 2 * len(OURS)
    assert page.evaluate(LOOK, NEIGHBOUR) == alone


def test_files_may_be_read_by_pages_of_every_origin(running: dict[str, Fragment]) -> None:
    """A layout's page links them where they are: a module of another origin does not run otherwise."""
    for fragment in running.values():
        manifest = parse(fragment.get("/manifest.json").text.encode())
        for asset in (*manifest.css, *manifest.js):
            answer = fragment.get(asset.value)
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


def test_links_lead_where_the_layout_says(running: dict[str, Fragment]) -> None:
    """Without a word of it, to the demo's own pages."""
    says = {"podium_page_pathnames": ours.LAYOUT_PATHNAMES}
    assert 'href="/sign-in/?next=/"' in running["wallet"].get("/summary").text
    assert 'href="/login/?next=/"' in running["wallet"].get("/summary", **says).text
    grid = running["tables"].get("/grid", **says).text
    assert 'href="/play/201/"' in grid
    assert 'href="/play/all/roulette/"' in grid
    assert 'action="/reels/"' in running["catalogue"].get("/catalogue", **says).text


def test_link_and_search_of_the_catalogue_reach_it_through_a_layout(
    podium: Podium, running: dict[str, Fragment], page: Page
) -> None:
    """A layout hands on what a page's query says to the slot, as the shell does by its pages table."""
    catalogue = next(each for each in OURS if each.slot == "catalogue")
    podlet = catalogue.podlet(running["catalogue"])
    page.goto(podium.layout("page", podlet, contexts={"pagePathnames": "games=/"}).url)
    page.get_by_role("link", name="Slots").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Slots")
    page.get_by_role("searchbox").fill("lan tern")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/?catalogue.search=lan+tern&**")
    expect(page.get_by_role("heading", level=2)).to_have_text("“lan tern”")


def test_table_of_the_book_is_what_was_seen(seen: Seen, page: Page) -> None:
    """Row by row; `python -m tests.support.podium.write_ours` writes it anew."""
    written = BOOK.read_text("utf-8").partition(ours.MARKS[0])[2].partition(ours.MARKS[1])[0]
    assert written == ours.table(ours.rows(page, seen))
