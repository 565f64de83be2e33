"""The catalogue of games in a browser, with scripts and without."""

import re
from html import unescape

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.support import plain_http
from tests.support.lobby import (
    Console,
    attributes,
    press_without_script,
    reload_until,
    sign_in,
    start_session,
    states,
    wait_for,
    words,
)
from tests.support.mullion import Mullion
from tests.support.signed_in import signed_in

CATALOGUE = "fragment-slot[slot=catalogue]"


@pytest.fixture
def page(reused_page: Page) -> Page:
    return reused_page


def tile(page: Page, name: str) -> Locator:
    """The first tile of that game."""
    return page.locator(f"{CATALOGUE} .tile").filter(has_text=name).first


def a_name(page: Page) -> str:
    """The name of a game that is not a favourite."""
    one = page.locator(f"{CATALOGUE} .tile:has(.heart[aria-pressed=false])").nth(3)
    expect(one).to_be_visible()
    return one.locator(".name").inner_text()


def catalogue(client: httpx.Client, path: str) -> str:
    """The slot's HTML as a browser gets it, once it is there."""

    def at() -> str:
        slot = client.get(path).text.partition('<fragment-slot slot="catalogue"')[2].partition("</fragment-slot>")[0]
        return unescape(slot) if 'data-state="fresh"' in slot else ""

    wait_for(at)
    return at()


def box(page: Page) -> Locator:
    return page.get_by_label("Search", exact=True)


def found(page: Page, words: str) -> None:
    """Waits until the list shows the results of `words`."""
    expect(page.get_by_role("heading", name=f"“{words}”", level=2)).to_be_visible()


def read_again(page: Page) -> None:
    """Refetches the slot, as when a feed is back or another slot has changed something."""
    before = page.locator(CATALOGUE).element_handle()
    page.evaluate("s => s.dispatchEvent(new CustomEvent('mullion:refetch', {bubbles: true}))", before)
    wait_for(lambda: not page.evaluate("s => s.isConnected", before), describe=lambda: attributes(page, "catalogue"))


def test_favourite_is_set_in_its_place_and_without_a_script_by_a_way_back(house: Mullion, browser: Browser) -> None:
    """With scripts the heart is filled in place, in search results too, and the page goes on refetching that search;
    without scripts the browser returns to the same search and page."""
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, house.url, "cedar", "/games/")
    page.evaluate("window.notReloaded = true")
    name = a_name(page)
    tile(page, name).locator(".heart").click()
    expect(tile(page, name).locator(".heart")).to_have_attribute("aria-pressed", "true")
    box(page).press_sequentially(name)
    found(page, name)
    tile(page, name).locator(".heart").click()
    expect(tile(page, name).locator(".heart")).to_have_attribute("aria-pressed", "false")
    expect(box(page)).to_have_value(name)
    page.get_by_role("link", name="Games", exact=True).focus()
    read_again(page)
    found(page, name)
    assert page.evaluate("window.notReloaded") is True
    context.close()

    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    start_session(context, house.url, "cedar")
    page.goto(f"{house.url}/games/?catalogue.search=a&catalogue.page=2")
    # Without scripts the player has to reload for what came too late.
    reload_until(page.locator(f"{CATALOGUE} .tile").first)
    other = a_name(page)
    tile(page, other).locator(".heart").click()
    expect(page).to_have_url(re.compile(r"/games/\?catalogue\.search=a&catalogue\.page=2$"))
    # Without scripts a page shows what was read when it was loaded: the projection may be a moment behind.
    full = page.locator(f"{CATALOGUE} .tile:has(.heart[aria-pressed=true])").filter(has_text=other)
    reload_until(full)
    kinds = page.get_by_role("navigation", name="Kinds of games")
    press_without_script(kinds.get_by_role("link", name="Favourites"))
    reload_until(page.get_by_role("heading", name="“a”", level=2))
    expect(reload_until(tile(page, other))).to_be_visible()
    context.close()


def test_favourite_is_the_player_s_in_every_browser_and_nobody_else_s(house: Mullion, browser: Browser) -> None:
    """It is there after a reload and where the same player signs in elsewhere; another player does not have it. A
    visitor has no heart to press: a game leads to the sign-in, and from there back to the games."""
    first, second = browser.new_context(), browser.new_context()
    page = first.new_page()
    sign_in(page, house.url, "amber", "/games/")
    name = a_name(page)
    tile(page, name).locator(".heart").click()
    expect(tile(page, name).locator(".heart")).to_have_attribute("aria-pressed", "true")
    favourites = "/games/?catalogue.category=favourites"
    page.reload()
    expect(tile(page, name).locator(".heart")).to_have_attribute("aria-pressed", "true")
    elsewhere = second.new_page()
    sign_in(elsewhere, house.url, "amber", favourites)
    expect(tile(elsewhere, name)).to_be_visible()
    with plain_http.Client(base_url=house.url, cookies=signed_in(house.url, "birch"), timeout=60) as other:
        assert name not in catalogue(other, favourites)
    with plain_http.Client(base_url=house.url, timeout=60) as visitor:
        seen = catalogue(visitor, "/games/")
        assert 'class="heart"' not in seen
        [tile_of_it] = [link for link in re.findall(r'<a class="play".*?</a>', seen, re.DOTALL) if f" {name}<" in link]
        assert f"Sign in to play {name}<" in tile_of_it
        assert 'href="/sign-in/?next=/games/"' in tile_of_it
    tile(elsewhere, name).locator(".heart").click()
    expect(elsewhere.get_by_text("You have no favourites here yet")).to_be_visible()
    for context in (first, second):
        context.close()


def test_search_answers_while_it_is_typed(house: Mullion, page: Page) -> None:
    """List, title and address follow the typed words, and the field keeps its focus; a late answer to older words is
    dropped; if no answer comes the page says so, and still has the results from before."""
    console = Console(page)
    page.goto(f"{house.url}/games/")
    wait_for(lambda: states(page).get("catalogue") == "fresh", describe=lambda: states(page))
    held: list[Route] = []
    page.route(re.compile(r"catalogue\.search=an$"), lambda route: held.append(route))
    box(page).press_sequentially("an")
    wait_for(lambda: page.wait_for_timeout(50) or held)
    box(page).press_sequentially("ch")
    found(page, "anch")
    held[0].continue_()
    page.wait_for_load_state("networkidle")
    found(page, "anch")
    expect(page).to_have_url(f"{house.url}/games/?catalogue.search=anch")
    expect(box(page)).to_be_focused()
    expect(page.locator(f"{CATALOGUE} .answered")).to_have_text(re.compile("“anch”.* games"))
    names = page.locator(f"{CATALOGUE} .tile .name").all_inner_texts()
    assert names, words(page, "catalogue")
    assert all("anch" in name.lower() for name in names), names

    page.route(re.compile(r"catalogue\.search=anchx"), lambda route: route.fulfill(status=502, body=""))
    box(page).press_sequentially("x")
    expect(page.get_by_text("No answer came to this search")).to_be_visible()
    assert page.locator(f"{CATALOGUE} .tile .name").all_inner_texts() == names
    page.unroute_all()
    box(page).fill("zzzz")
    expect(page.get_by_text("No game is called “zzzz”")).to_be_visible()
    expect(page.get_by_text("No answer came to this search")).to_be_hidden()
    expect(box(page)).to_be_focused()
    page.get_by_role("link", name="Show all games").focus()
    read_again(page)
    expect(page.get_by_text("No game is called “zzzz”")).to_be_visible()
    assert [each for each in console.errors if "502" not in each] == []


def test_what_a_player_plays_and_marks_is_theirs_until_they_sign_out(house: Mullion, page: Page) -> None:
    """The last played game leads the player's list and the lobby's slot, and says where it opens; a favourite is in the
    list of its kind until it is removed. The next person at the browser sees nothing of it."""
    sign_in(page, house.url, "birch", "/games/")
    name = a_name(page)
    tile(page, name).get_by_role("button", name=f"Play {name}").click()
    expect(page.get_by_text(f"{name} is your latest game.")).to_be_visible()
    first = page.locator(f"{CATALOGUE} .strip .tile").first
    expect(first.locator(".name")).to_have_text(name)
    first.locator(".heart").click()
    expect(tile(page, name).locator(".heart")).to_have_attribute("aria-pressed", "true")
    page.goto(f"{house.url}/games/?catalogue.category=favourites")
    expect(tile(page, name)).to_be_visible()
    tile(page, name).locator(".heart").click()
    expect(page.get_by_text("You have no favourites here yet")).to_be_visible()
    page.goto(house.url)
    shelf = page.locator("fragment-slot[slot=games]")
    expect(shelf.get_by_role("heading", name="Recently played")).to_be_visible()
    expect(shelf.locator(".tile .name").first).to_have_text(name)

    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(f"{house.url}/")
    expect(shelf.get_by_role("heading", name="New and popular")).to_be_visible()
    page.goto(f"{house.url}/games/?catalogue.category=recent")
    expect(page.get_by_text("Yours are shown when you are signed in")).to_be_visible()
    expect(page.locator(f"{CATALOGUE} .tile")).to_have_count(0)
