"""How pages look, under axe too, and how they look without their data: the same measures, and no claim."""

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


OVERLAPS = """(() => {
    const over = (a, b) => a.top < b.bottom - 1 && b.top < a.bottom - 1 && a.left < b.right && b.left < a.right;
    const slots = [...document.querySelectorAll('fragment-slot')];
    const boxes = slots.map(slot => [slot.slot, slot.getBoundingClientRect()]);
    return boxes.flatMap(([name, box], n) => boxes.slice(n + 1)
        .filter(([, other]) => over(box, other)).map(([other]) => [name, other]));
})()"""

# Who sees it, where, and what is looked at there.
VISITOR = {
    "/": "axe places overlaps",
    "/tables/201/": "axe places overlaps",
    "/live/roulette/": "overlaps",
    "/live/blackjack/": "places",
    "/cashier/": "places overlaps",
    "/history/": "places",
    "/limits/": "places",
    "/sign-in/": "axe",
    "/no-such-page/": "axe",
    "/tables/no-such-table/": "axe",
}
PLAYER = {
    "/": "axe places",
    "/games/": "axe",
    "/tables/201/": "axe places",
    "/cashier/": "axe places",
    "/history/": "axe places",
    "/limits/": "axe places",
}


@pytest.mark.timeout(300)
def test_every_page_holds_in_every_look(house: Mullion, page: Page) -> None:
    """Dark and wide, light and narrow: contrast, names, labels, roles and structure hold, and nothing is wider than the
    window. A place is as high as what stands in it, also where there is little: an invitation to sign in, an empty
    history, one kind of tables. However far a page is scrolled, no slot stands over another: what stays in view does so
    within its own area; where nothing stands below it, it does."""

    def look_at(path: str, at: str) -> None:
        page.goto(house.url + path)
        if at == "axe":
            wait_for(lambda: "placeholder" not in states(page).values(), describe=lambda: states(page))
        else:
            settled(page)
        if "overlaps" in at:
            stands_over_nothing(page, path)
        for scheme, width in (("dark", 1280), ("light", 320)) if "axe" in at else ():
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 900})
            assert findings(page) == [], (path, scheme, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        for width in (1280, 390) if "places" in at else ():
            page.set_viewport_size({"width": width, "height": 844})
            describe = lambda width=width: (path, width, page.evaluate(PLACES))  # noqa: E731
            wait_for(lambda: page.evaluate(PLACES) == [], describe=describe)

    for path, at in VISITOR.items():
        look_at(path, at)
    start_session(page.context, house.url, "birch")
    for path, at in PLAYER.items():
        look_at(path, at)


def stands_over_nothing(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 500})
    for at in range(0, page.evaluate("document.documentElement.scrollHeight"), 200):
        page.evaluate(f"scrollTo({{top: {at}, behavior: 'instant'}})")
        where = (path, at)
        wait_for(lambda: page.evaluate(OVERLAPS) == [], describe=lambda where=where: (where, page.evaluate(OVERLAPS)))
    if path == "/live/roulette/":
        page.evaluate("scrollTo({top: 150, behavior: 'instant'})")
        assert page.evaluate("document.querySelector('fragment-slot[slot=wallet]').getBoundingClientRect().top") >= 0
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")


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
