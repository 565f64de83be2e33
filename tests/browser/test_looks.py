"""How a page looks while parts of it are late, stale or without their data: the same measures, and no claim."""

import pytest
from playwright.sync_api import Browser, Page

from tests.lobby import sign_in, states, wait_for
from tests.mullion import Mullion

pytestmark = pytest.mark.timeout(180)

PLACES = """[...document.querySelectorAll('fragment-slot')].map(slot => {
    const place = slot.assignedSlot.getBoundingClientRect().height;
    return [slot.slot, Math.round(place - slot.getBoundingClientRect().height)];
}).filter(([, spare]) => spare > 1)"""


def settled(page: Page) -> None:
    wait_for(lambda: states(page) and set(states(page).values()) == {"fresh"}, 20, lambda: states(page))


@pytest.mark.parametrize("width", [1280, 390])
def test_a_place_is_as_high_as_what_stands_in_it(house: Mullion, browser: Browser, width: int) -> None:
    """Also where there is little: an invitation to sign in, an empty history, one kind of tables."""
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    for path in ("/", "/cashier/", "/history/", "/limits/", "/live/blackjack/", "/tables/201/"):
        page.goto(house.url + path)
        settled(page)
        assert page.evaluate(PLACES) == [], path
    sign_in(page, house.url, "birch")
    for path in ("/", "/cashier/", "/history/", "/limits/", "/tables/201/"):
        page.goto(house.url + path)
        settled(page)
        assert page.evaluate(PLACES) == [], path
    context.close()
