"""What holds on every page at every width: nothing scrolls sideways, nothing jumps, nothing typed is lost."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.lobby import sign_in, states, wait_for, words
from tests.support.mullion import Mullion

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("amount", ["-5", "0", "1e9", "12.345", "abc", "99999999999999"])
def test_bad_amount_is_said_beside_the_field_and_kept(house: Mullion, page: Page, amount: str) -> None:
    """Nothing typed is lost, and nothing is sent to the engine."""
    sign_in(page, house.url, "birch", "/cashier/")
    before = words(page, "cashier").count("Deposit")
    page.locator("#amount").fill(amount)
    page.get_by_role("button", name="Deposit", exact=True).click()
    field = page.locator("#amount[aria-invalid=true]")
    expect(field).to_have_value(amount)
    assert words(page, "cashier").count("Deposit") == before


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/", "/cashier/", "/history/", "/limits/", "/sign-in/", "/nowhere/"])
def test_no_page_scrolls_sideways(house: Mullion, browser: Browser, width: int, path: str) -> None:
    """At a desktop's and a phone's width everything fits."""
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    page.goto(house.url + path)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/", "/tables/201/", "/cashier/", "/history/", "/limits/"])
def test_nothing_jumps_while_fragments_arrive(house: Mullion, browser: Browser, width: int, path: str) -> None:
    """What stands in until then has the height of what comes, and what comes late moves nothing above it."""
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    page.add_init_script(
        """window.shifted = 0;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    sign_in(page, house.url, "amber", path)
    page.goto(house.url + path)
    wait_for(lambda: states(page) and set(states(page).values()) == {"fresh"}, 20, lambda: states(page))
    page.wait_for_timeout(1500)  # clocks, the picture and live numbers have begun
    assert page.evaluate("window.shifted") <= 0.02
    context.close()
