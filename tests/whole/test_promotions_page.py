"""Offers and bonuses in a browser."""

import re

from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.lobby import reload_until, sign_in, wait_for, words
from tests.support.mullion import Mullion

OFFER = "Evening reload"


def offer(page: Page) -> Locator:
    """The card of the offer."""
    return page.locator("fragment-slot[slot=promotions] .offer").filter(has_text=OFFER)


def test_offer_claimed_in_two_tabs_is_one_bonus(house: Mullion, browser: Browser) -> None:
    """Both tabs come to show it as claimed and its bonus with how far it is, and the money is there once."""
    context = browser.new_context()
    first, second = context.new_page(), context.new_page()
    sign_in(first, house.url, "birch")
    second.goto(house.url)
    for page in (first, second):
        expect(offer(page).get_by_role("button", name="Claim")).to_be_enabled()
    offer(first).get_by_role("button", name="Claim").click()
    # The second tab may have heard of it by now; then there is nothing left to press.
    offer(second).get_by_role("button", name="Claim").evaluate_all("buttons => buttons.forEach(each => each.click())")
    expect(offer(first).get_by_text("Claimed", exact=True)).to_be_visible()
    for page in (first, second):
        # A tab that says what became of its claim keeps saying it until it is loaded again.
        page.reload()
        bonus = page.locator("fragment-slot[slot=promotions] .bonus").filter(has_text=OFFER)
        reload_until(bonus)
        expect(bonus).to_have_count(1)
        expect(bonus.get_by_text("£0 of £1,500 staked")).to_be_visible()
        expect(bonus.locator("progress")).to_have_attribute("max", "150000")
        expect(offer(page).get_by_text("Claimed", exact=True)).to_be_visible()
        wait_for(
            lambda page=page: re.search(r"Bonus\s*£50\.00", words(page, "wallet")), 20, lambda: words(first, "wallet")
        )
    context.close()
