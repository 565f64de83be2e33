"""How a page looks while parts of it are late, stale or without their data: the same measures, and no claim."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.accessibility import findings
from tests.support.lobby import attributes, start_session, states, wait_for
from tests.support.mullion import Mullion

pytestmark = pytest.mark.timeout(180)

PLACES = """[...document.querySelectorAll('fragment-slot')].map(slot => {
    const place = slot.assignedSlot.getBoundingClientRect().height;
    return [slot.slot, Math.round(place - slot.getBoundingClientRect().height)];
}).filter(([, spare]) => spare > 1)"""
# What a reader sees of the tables: their names with the addresses behind them, the tiles' heights, and all the words.
TABLES = """(() => {
    const root = document.querySelector('fragment-slot[slot=tables]').shadowRoot;
    const tiles = [...root.querySelectorAll('li.table')].filter(tile => tile.getClientRects().length);
    const art = tiles.map(tile => tile.querySelector('.felt').getBoundingClientRect());
    return {
        links: tiles.map(tile => [tile.querySelector('a').textContent, tile.querySelector('a').getAttribute('href')]),
        heights: tiles.map(tile => tile.getBoundingClientRect().height),
        art: art.map(({ width, height }) => [width, height]),
        words: [...root.children].map(each => each.innerText ?? '').join(' '),
    };
})()"""
CLAIMS = re.compile(r"Up to date|\bOpen\b|\bplaying\b|\d of \d|offers? runs?")


def settled(page: Page) -> None:
    wait_for(lambda: states(page) and set(states(page).values()) == {"fresh"}, describe=lambda: states(page))


def open_until(page: Page, url: str, state: str) -> None:
    """Open `url` until its tables are in `state`: what everybody shares may be shown for another second."""
    wait_for(lambda: page.goto(url) and attributes(page, "tables").get("state") == state, describe=lambda: states(page))


def test_a_place_is_as_high_as_what_stands_in_it(house: Mullion, page: Page) -> None:
    """Wide and narrow, also where there is little: an invitation to sign in, an empty history, one kind of tables."""

    def look_at(path: str) -> None:
        page.goto(house.url + path)
        settled(page)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            wait_for(
                lambda: page.evaluate(PLACES) == [], describe=lambda width=width: (path, width, page.evaluate(PLACES))
            )  # type: ignore[misc]

    for path in ("/", "/cashier/", "/history/", "/limits/", "/live/blackjack/", "/tables/201/"):
        look_at(path)
    start_session(page.context, house.url, "birch")
    for path in ("/", "/cashier/", "/history/", "/limits/", "/tables/201/"):
        look_at(path)


OVERLAPS = """(() => {
    const over = (a, b) => a.top < b.bottom - 1 && b.top < a.bottom - 1 && a.left < b.right && b.left < a.right;
    const slots = [...document.querySelectorAll('fragment-slot')];
    const boxes = slots.map(slot => [slot.slot, slot.getBoundingClientRect()]);
    return boxes.flatMap(([name, box], n) => boxes.slice(n + 1)
        .filter(([, other]) => over(box, other)).map(([other]) => [name, other]));
})()"""


def test_no_slot_stands_over_another_however_far_the_page_is_scrolled(house: Mullion, page: Page) -> None:
    """What stays in view does so within its own area; where nothing stands below it, it does."""
    page.set_viewport_size({"width": 1280, "height": 500})
    for path in ("/", "/live/roulette/", "/cashier/", "/tables/201/"):
        page.goto(house.url + path)
        settled(page)
        for at in range(0, page.evaluate("document.documentElement.scrollHeight"), 200):
            page.evaluate(f"scrollTo({{top: {at}, behavior: 'instant'}})")
            where = (path, at)
            wait_for(
                lambda: page.evaluate(OVERLAPS) == [], describe=lambda where=where: (where, page.evaluate(OVERLAPS))
            )
    page.goto(f"{house.url}/live/roulette/")
    settled(page)
    page.evaluate("scrollTo({top: 150, behavior: 'instant'})")
    assert page.evaluate("document.querySelector('fragment-slot[slot=wallet]').getBoundingClientRect().top") >= 0


LOOKS = ((1280, "dark"), (390, "light"))


def seen_in_every_look(page: Page) -> list[dict[str, Any]]:
    """The tables of an open page, wide and dark and then narrow and light; each time axe finds nothing."""
    found = []
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)
        found.append(page.evaluate(TABLES))
        assert page.evaluate(PLACES) == [], (width, scheme)
        assert findings(page) == [], (width, scheme)
    return found


def test_stale_copy_looks_like_what_it_copies_and_claims_nothing(house: Mullion, page: Page) -> None:
    """Tiles and their art keep their measures under one bar, and nothing in them speaks of this moment."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(house.url)
    settled(page)
    narrow = page.evaluate(TABLES)
    page.set_viewport_size({"width": 1280, "height": 844})
    wide = page.evaluate(TABLES)
    house.disable("live-dealer")
    open_until(page, house.url, "stale")
    for before, stale in zip((wide, narrow), seen_in_every_look(page), strict=True):
        assert (stale["links"], stale["heights"], stale["art"]) == (before["links"], before["heights"], before["art"])
        assert CLAIMS.search(before["words"])
        assert not CLAIMS.search(stale["words"]), stale["words"]
        assert stale["words"].count("As of") == 1


@pytest.mark.parametrize("away", ["bff-queries", pytest.param("valkey", marks=pytest.mark.full)])
def test_lobby_keeps_names_and_links_without_numbers_while_its_data_is_away(
    house: Mullion, page: Page, away: str
) -> None:
    """In the place of dead skeletons: every table leads to its page, under the moment that was last heard of."""
    page.goto(house.url)
    settled(page)
    before = page.evaluate(TABLES)
    house.disable(away)
    open_until(page, house.url, "degraded")
    now = page.evaluate(TABLES)
    assert sorted(now["links"]) == sorted(before["links"])
    assert re.search(r"since \d\d:\d\d:\d\d", now["words"])
    assert not CLAIMS.search(now["words"]), now["words"]
    assert not re.search(r"\d", re.sub(r"since .*", "", now["words"])), now["words"]
    assert set(now["heights"]) == set(before["heights"])
    assert findings(page) == []
