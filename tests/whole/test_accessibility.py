"""Every page under axe, as a visitor and as a player, dark and wide, light and narrow; outage drills do the same."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.accessibility import findings
from tests.support.lobby import sign_in_by_form, start_session, states, wait_for
from tests.support.mullion import Mullion

pytestmark = pytest.mark.timeout(300)

LOOKS = (("dark", 1280), ("light", 320))
VISITOR = ("/", "/tables/201/", "/sign-in/", "/no-such-page/", "/tables/no-such-table/")
PLAYER = ("/", "/games/", "/tables/201/", "/cashier/", "/history/", "/limits/")


def test_no_page_breaks_a_rule_of_wcag(house: Mullion, page: Page) -> None:
    """Contrast, names, labels, roles and structure hold on every page, and nothing is wider than the window."""

    def look_at(path: str) -> None:
        page.goto(f"{house.url}{path}")
        wait_for(lambda: "placeholder" not in states(page).values(), describe=lambda: states(page))
        for scheme, width in LOOKS:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            assert findings(page) == [], (path, scheme, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)

    for path in VISITOR:
        look_at(path)
    start_session(page.context, house.url, "birch")
    for path in PLAYER:
        look_at(path)


def test_forms_that_were_refused_say_so_to_everybody(house: Mullion, browser: Browser) -> None:
    """A refused sign-in and a refused amount keep their labels, and the words belong to their fields."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{house.url}/sign-in/")
    page.fill("#username", "amber")
    page.fill("#password", "wrong")
    page.click("main button[type=submit]")
    expect(page.get_by_role("alert")).to_be_visible()
    assert findings(page) == []
    sign_in_by_form(page, house.url, "birch", "/cashier/")
    page.locator("#amount").fill("0")
    page.get_by_role("button", name="Deposit", exact=True).click()
    expect(page.locator("#amount[aria-invalid=true]")).to_be_visible()
    assert findings(page) == []
    context.close()
