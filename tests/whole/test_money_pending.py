"""Money whose outcome is not known yet, in a browser: lost answers, and a payments provider with difficulties."""

import json
import re
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.lobby import press_without_script, reload_until, sign_in, wait_for, words
from tests.support.mullion import Mullion

pytestmark = pytest.mark.timeout(180)

CASHIER = "fragment-slot[slot=cashier]"
# Longer than any wait for the engine or the provider in these tests.
RESOLVED_MS = 60_000


@pytest.fixture
def page(reused_page: Page) -> Page:
    return reused_page


def fill(page: Page, amount: str) -> Locator:
    """The button that deposits `amount`, once the cashier is open: it closes for a moment when it missed the engine."""
    reload_until(page.locator("#amount:enabled")).fill(amount)
    return page.get_by_role("button", name="Deposit", exact=True)


def press(page: Page, amount: str) -> None:
    fill(page, amount).click()


def card(page: Page) -> Locator:
    return page.locator(f"{CASHIER} .receipt[role=status]")


def lines(page: Page, house: Mullion, amount: str) -> int:
    """How often the history has this amount, once it has it."""

    def count() -> int:
        return page.request.get(f"{house.url}/history/").text().count(f'<span class="amount">{amount}<')

    wait_for(count)
    return count()


@pytest.fixture
def house_to_hang(house: Mullion) -> Iterator[Mullion]:
    """The engine hangs for no longer than the test."""
    yield house
    house.resume("bff-commands")


def test_lost_answer_is_pending_across_a_reload_and_resolves_by_itself(house_to_hang: Mullion, page: Page) -> None:
    """The engine stops in mid-command: its key stands on the page, before and after a reload, until it is known."""
    sign_in(page, house_to_hang.url, "birch", "/cashier/")
    expect(page.locator("#amount")).to_be_enabled()
    deposit = fill(page, "31.41")
    house_to_hang.hang("bff-commands")
    deposit.click()  # before the page has heard of it, which closes the form
    expect(card(page)).to_contain_text("We are checking your deposit")
    expect(page).to_have_url(re.compile(r"/cashier/\?cashier\.receipt=key_deposit_"))
    [key] = re.findall(r"key_deposit_[0-9]{10}_(\w+)", page.url)
    for _ in range(2):
        expect(card(page)).to_contain_text(f"Reference {key}")
        expect(page.locator("#amount")).to_be_disabled()
        page.reload()
    page.evaluate("window.notReloaded = true")
    house_to_hang.resume("bff-commands")
    expect(card(page)).to_contain_text("£31.41 added", timeout=RESOLVED_MS)
    assert page.evaluate("window.notReloaded") is True
    page.reload()
    expect(card(page)).to_contain_text("£31.41 added")
    assert lines(page, house_to_hang, "+£31.41") == 1


def test_lost_answer_is_looked_up_by_a_link_without_a_script(house_to_hang: Mullion, browser: Browser) -> None:
    """The redirect carries the key; the card's link asks again and sends nothing."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, house_to_hang.url, "birch", "/cashier/")
    deposit = fill(page, "27.18")
    house_to_hang.hang("bff-commands")
    press_without_script(deposit)
    expect(page).to_have_url(re.compile(r"/cashier/\?cashier\.receipt=key_deposit_"))
    expect(reload_until(card(page))).to_contain_text("We are checking your deposit")
    house_to_hang.resume("bff-commands")

    added = page.locator(f"{CASHIER} .receipt[role=status]", has_text="£27.18 added")
    again = page.locator(CASHIER).get_by_role("link", name="Check again")

    def resolved() -> bool:
        reload_until(added.or_(again))
        if added.count():
            return True
        press_without_script(again)
        return False

    wait_for(resolved, RESOLVED_MS / 1000, lambda: words(page, "cashier"))
    assert lines(page, house_to_hang, "+£27.18") == 1
    context.close()


def test_providers_difficulties_are_pending_until_resolved(house: Mullion, page: Page) -> None:
    """Thinks and tells nobody, answers too late, thinks and declines: pending, and then what it was; charged once."""
    sign_in(page, house.url, "amber", "/cashier/")
    for amount, fault, ends in (
        ("41.55", "webhook_held", "€41.55 added"),
        ("42.77", "none", "€42.77 added"),
        ("43.56", "none", "declined"),
    ):
        pending_until_resolved(house, page, amount, fault, ends)


def pending_until_resolved(house: Mullion, page: Page, amount: str, fault: str, ends: str) -> None:
    provider = house.url_of("sandbox-payments")
    decides_soon = amount.endswith("77")  # and its outcome is known soon after its late answer
    post(f"{provider}/control/fault", {"kind": fault, "for_s": 600})
    post(f"{provider}/control/clock", {"held": not decides_soon})
    try:
        press(page, amount)
        expect(card(page)).to_contain_text(re.compile("Reference rc_"))
        expect(page).to_have_url(re.compile(r"rc_\w+"))
        [reference] = re.findall(r"rc_\w+", page.url)
        if not decides_soon:
            expect(card(page)).to_contain_text(f"Deposit of €{amount} pending")
            page.reload()
            expect(card(page)).to_contain_text(f"Deposit of €{amount} pending")
            expect(page.locator(f"{CASHIER} .waiting li", has_text=f"€{amount}")).to_have_count(1)
            post(f"{provider}/control/clock", {"held": False, "step_s": 3})
        expect(card(page)).to_contain_text(ends, timeout=RESOLVED_MS)
    finally:
        post(f"{provider}/control/fault", {"kind": "none", "for_s": 1})
        post(f"{provider}/control/clock", {"held": False})
    page.reload()
    expect(card(page)).to_contain_text(ends)
    with urllib.request.urlopen(f"{provider}/v1/charges?reference={reference}") as answer:
        assert len(json.load(answer)["charges"]) == 1
    card(page).get_by_role("link", name="Close").press("Enter")
    expect(card(page)).to_have_count(0)
    expect(page).to_have_url(f"{house.url}/cashier/")


def post(url: str, body: object) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    urllib.request.urlopen(request).close()
