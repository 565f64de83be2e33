"""Forms that were refused, under axe; every page is in `test_looks.py`, and outage drills do the same."""

import pytest
from playwright.sync_api import Browser, expect

from tests.support.accessibility import findings
from tests.support.lobby import sign_in_by_form
from tests.support.mullion import Mullion

pytestmark = pytest.mark.timeout(300)


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
