"""What holds on every page at every width: nothing scrolls sideways, nothing jumps, nothing typed is lost."""

import threading

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.lobby import sign_in, start_session, states, wait_for, words
from tests.support.mullion import Mullion

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def page(reused_page: Page) -> Page:
    return reused_page


def test_bad_amount_is_said_beside_the_field_and_kept(house: Mullion, page: Page) -> None:
    """Nothing typed is lost, and nothing is sent to the engine."""
    sign_in(page, house.url, "birch", "/cashier/")
    expect(page.locator("#amount")).to_be_enabled()
    before = words(page, "cashier").count("Deposit")
    for amount in ("-5", "0", "1e9", "12.345", "abc", "99999999999999"):
        page.locator("#amount").fill(amount)
        page.get_by_role("button", name="Deposit", exact=True).click()
        field = page.locator("#amount[aria-invalid=true]")
        expect(field).to_have_value(amount)
        assert words(page, "cashier").count("Deposit") == before
        page.locator("#amount").evaluate("field => field.removeAttribute('aria-invalid')")


def test_no_page_scrolls_sideways(house: Mullion, page: Page) -> None:
    """At a desktop's and a phone's width everything fits."""
    for path in ("/", "/cashier/", "/history/", "/limits/", "/sign-in/", "/nowhere/"):
        page.set_viewport_size({"width": 1280, "height": 844})
        page.goto(house.url + path)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            fits(page, width)


def fits(page: Page, width: int) -> None:
    wide = "document.documentElement.scrollWidth"
    # A fragment's styles may come a moment after its words.
    wait_for(lambda: page.evaluate(wide) <= width, describe=lambda: (page.url, width, page.evaluate(wide)))


# Where most slots come late; `.ci/full` looks at the others.
EVERY_TIME = (("/", 1280), ("/", 390), ("/tables/201/", 1280), ("/cashier/", 390), ("/limits/", 390))
SHIFTS = """window.shifted = 0;
window.moved = [];
new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) {
        window.shifted += entry.value;
        window.moved.push([entry.value, ...entry.sources.map(({ node }) => node?.className || node?.localName)]);
    }
}).observe({ type: "layout-shift", buffered: true });"""


@pytest.mark.parametrize(
    ("path", "width"),
    [
        pytest.param(path, width, marks=() if (path, width) in EVERY_TIME else pytest.mark.full)
        for path in ("/", "/tables/201/", "/cashier/", "/history/", "/limits/")
        for width in (1280, 390)
    ],
)
def test_nothing_jumps_while_fragments_arrive(house: Mullion, browser: Browser, path: str, width: int) -> None:
    """What stands in until then has the height of what comes, and what comes late moves nothing in sight."""
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    page.add_init_script(SHIFTS)
    start_session(context, house.url, "cedar")
    # The player's own slots come after the page has been painted without them.
    house.hang("wallet")
    late = threading.Timer(0.25, house.resume, ["wallet"])
    late.start()
    page.goto(house.url + path)
    late.join()
    wait_for(lambda: states(page) and set(states(page).values()) == {"fresh"}, describe=lambda: states(page))
    page.wait_for_timeout(1500)  # clocks, the picture and live numbers have begun
    assert page.evaluate("window.shifted") <= 0.02, page.evaluate("window.moved")
    context.close()
