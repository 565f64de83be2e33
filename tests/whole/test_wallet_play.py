"""The wallet as a player uses it: money in, the history, a limit, money out and back; with and without a script."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.lobby import (
    Console,
    press_without_script,
    reload_until,
    sign_in,
    start_session,
    states,
    wait_for,
    words,
)
from tests.support.mullion import Mullion

pytestmark = pytest.mark.timeout(180)

HISTORY = "fragment-slot[slot=history]"
CASHIER = "fragment-slot[slot=cashier]"
LIMITS = "fragment-slot[slot=limits]"
RECEIPT = ".receipt[role=status]"


@pytest.fixture
def page(reused_page: Page) -> Page:
    return reused_page


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def open_history(page: Page, url: str, query: str = "") -> None:
    page.goto(f"{url}/history/{query}")
    wait_for(lambda: states(page).get("history") == "fresh", describe=lambda: states(page))


def test_deposit_stands_in_the_history_and_leads_to_its_receipt(house: Mullion, page: Page) -> None:
    """Money in is a line under its month, found by its filter, absent from the others, and shown in full."""
    console = Console(page)
    sign_in(page, house.url, "birch", "/cashier/")
    page.locator("#amount").fill("21.37")
    press(page, "Deposit")
    expect(page.locator(f"{CASHIER} {RECEIPT}")).to_contain_text("£21.37")
    line = page.locator(f"{HISTORY} li", has_text="+£21.37")
    wait_for(lambda: open_history(page, house.url) or line.count(), describe=lambda: words(page, "history"))
    page.locator(HISTORY).get_by_role("link", name=re.compile("^Deposits")).click()
    page.wait_for_url(f"{house.url}/history/?history.kind=deposits")
    expect(line).to_have_count(1)
    line.get_by_role("link").click()
    page.wait_for_url(re.compile(r"history\.line=rc_"))
    expect(page.locator(f"{HISTORY} .detail")).to_contain_text("Booked")
    page.locator(HISTORY).get_by_role("link", name="Close").click()
    page.wait_for_url(f"{house.url}/history/?history.kind=deposits")
    page.locator(HISTORY).get_by_role("link", name=re.compile("^Withdrawals")).click()
    page.wait_for_url(f"{house.url}/history/?history.kind=withdrawals")
    expect(line).to_have_count(0)
    assert console.errors == []


def test_history_keeps_its_place_when_it_is_read_again(house: Mullion, page: Page) -> None:
    """A slot that heals on a filtered page shows that page again, without a reload."""
    start_session(page.context, house.url, "birch")
    open_history(page, house.url, "?history.kind=bonuses")
    page.evaluate("window.notReloaded = true")
    house.hang("wallet")
    page.evaluate(f"document.querySelector('{HISTORY}').dispatchEvent(new Event('mullion:refetch', {{bubbles: true}}))")
    wait_for(lambda: states(page).get("history") != "fresh", describe=lambda: states(page))
    house.resume("wallet")
    wait_for(lambda: states(page).get("history") == "fresh", describe=lambda: states(page))
    current = page.locator(HISTORY).get_by_role("navigation", name="Kinds").locator("[aria-current]")
    expect(current).to_contain_text("Bonuses")
    assert page.evaluate("window.notReloaded") is True


def test_withdrawal_is_refused_or_held_and_taken_back(house: Mullion, page: Page) -> None:
    """More than there is can not be withdrawn: that stands beside the amount, which is kept, and the other form is
    untouched. What is set aside leaves the balance at once, and is there again after it was taken back."""
    sign_in(page, house.url, "amber", "/cashier/")
    page.locator("#amount").fill("12")
    page.locator("#withdraw-amount").fill("9999999")
    press(page, "Withdraw")
    expect(page.locator("#withdraw-amount[aria-invalid=true]")).to_have_value("9999999")
    expect(page.locator("#withdraw-amount-error")).to_contain_text("more than you can withdraw")
    expect(page.locator("#amount")).to_have_value("")
    page.locator("#amount").fill("")

    page.locator("#withdraw-amount").fill("7.31")
    press(page, "Withdraw")
    expect(page.locator(f"{CASHIER} {RECEIPT}")).to_contain_text("€7.31 set aside")
    held = page.locator(f"{CASHIER} .waiting li", has_text="-€7.31")
    expect(held).to_have_count(1)
    held.get_by_role("button", name=re.compile("Take it back")).click()
    expect(page.locator(f"{CASHIER} {RECEIPT}")).to_contain_text("€7.31 taken back")
    expect(held).to_have_count(0)
    expect(page.locator(f"{CASHIER} li", has_text="-€7.31").filter(has_text="Not paid out")).to_have_count(1)
    page.evaluate(f"document.querySelector('{CASHIER}').old = true")
    page.evaluate(f"document.querySelector('{CASHIER}').dispatchEvent(new Event('mullion:refetch', {{bubbles: true}}))")
    wait_for(lambda: page.wait_for_timeout(50) or page.evaluate(f"!document.querySelector('{CASHIER}').old"))
    expect(page.locator(f"{CASHIER} {RECEIPT}")).to_contain_text("€7.31 taken back")
    open_history(page, house.url, "?history.kind=withdrawals")
    expect(page.locator(f"{HISTORY} li.declined", has_text="-€7.31")).to_have_count(1)


def test_lowered_limit_counts_at_once_and_a_raise_waits(house: Mullion, page: Page) -> None:
    """The row shows what is in force and what will be; a deposit over it is refused in the player's own words."""
    sign_in(page, house.url, "cedar", "/limits/")
    row = page.locator(f"{LIMITS} .rows li", has_text="A day")

    def set_limit(amount: str) -> None:
        page.locator("#limit-amount").fill(amount)
        press(page, "Set limit")

    set_limit("700")
    expect(row).to_contain_text("¥700")
    set_limit("600")
    expect(row).to_contain_text("¥600")
    set_limit("5000")
    expect(page.locator(f"{LIMITS} {RECEIPT}")).to_contain_text("Your new limit waits")
    expect(row).to_contain_text("¥600")
    # The row is the view's, which comes after the engine's receipt.
    expect(row).to_contain_text("Becomes ¥5,000 on")
    page.goto(f"{house.url}/cashier/")
    page.locator("#amount").fill("4000")
    press(page, "Deposit")
    expect(page.locator("#amount-error")).to_contain_text("is left")


def test_money_moves_by_plain_forms(house: Mullion, browser: Browser) -> None:
    """Without a script: withdraw, take it back, see both, page by links, set a limit."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, house.url, "amber", "/cashier/")
    # What came too late is there when the player asks again.
    reload_until(page.locator("#withdraw-amount:enabled")).fill("3.19")
    press_without_script(page.get_by_role("button", name="Withdraw", exact=True))
    expect(page).to_have_url(re.compile(r"/cashier/\?cashier\.receipt=rc_"))
    reload_until(page.locator(f"{CASHIER} {RECEIPT}", has_text="€3.19 set aside"))
    held = page.locator(f"{CASHIER} .waiting li", has_text="-€3.19")
    press_without_script(reload_until(held.get_by_role("button")))
    reload_until(page.locator(f"{CASHIER} {RECEIPT}", has_text="€3.19 taken back"))
    page.goto(f"{house.url}/history/")
    kinds = page.locator(HISTORY).get_by_role("link", name=re.compile("^Withdrawals"))
    press_without_script(reload_until(kinds))
    expect(reload_until(page.locator(f"{HISTORY} li", has_text="-€3.19"))).to_have_count(1)
    months = page.locator(HISTORY).get_by_role("navigation", name="Months")
    press_without_script(reload_until(months.get_by_role("link").last))
    reload_until(page.locator(HISTORY, has_text="Nothing of this kind"))
    page.goto(f"{house.url}/limits/")
    reload_until(page.locator("#period:enabled")).select_option("month")
    page.locator("#limit-amount").fill("5000")
    press_without_script(page.get_by_role("button", name="Set limit", exact=True))
    reload_until(page.locator(f"{LIMITS} {RECEIPT}", has_text="Your deposit limit is set"))
    context.close()


def test_look_up_from_the_game_comes_in_time_and_is_answered(house: Mullion, context: BrowserContext) -> None:
    """After the interval a question stands in front of the page; an answer brings the page back as it was."""
    page = context.new_page()
    page.clock.install()
    sign_in(page, house.url, "amber", "/limits/")
    page.locator("#limit-amount").fill("33")
    dialog = page.get_by_role("dialog", name="Time for a look up")
    page.clock.fast_forward("50:00")
    expect(page.locator(".duties .clock")).to_contain_text("50 min")
    expect(dialog).to_be_hidden()
    page.clock.fast_forward("10:30")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("1 h 00 min")
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#limit-amount")).to_have_value("33")
