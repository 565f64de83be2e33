"""What people do to a page: without its scripts, large, by keyboard, twice, back again, and in two tabs."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from tests.support.lobby import (
    Console,
    leave_out_pictures,
    reload_until,
    sign_in,
    sign_in_by_form,
    states,
    wait_for,
    words,
)
from tests.support.mullion import Mullion

pytestmark = pytest.mark.timeout(180)

CASHIER = "fragment-slot[slot=cashier]"
RECEIPT = f"{CASHIER} .receipt[role=status]"
TABS_MAX = 60
FOCUSED = """() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const { width, height } = element.getBoundingClientRect();
    const seen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 1 && width > 0 && height > 0;
    return [element.localName, element.id, (element.textContent ?? "").trim(), seen];
}"""
OUTSIDE = """width => {
    const roots = [document, ...[...document.querySelectorAll("fragment-slot")].map((slot) => slot.shadowRoot ?? slot)];
    const found = roots.flatMap((root) => [...root.querySelectorAll("a, button, input, select")]);
    const scrolls = (each) => each && (getComputedStyle(each).overflowX === "auto" || scrolls(each.parentElement));
    const seen = found.filter((each) => each.checkVisibility() && !each.closest(".skip, .unseen-words"));
    return seen.filter((each) => !scrolls(each)).filter((each) => {
        const { left, right } = each.getBoundingClientRect();
        return left < -1 || right > width + 1;
    }).map((each) => each.outerHTML.slice(0, 120));
}"""


@pytest.fixture
def page(reused_page: Page) -> Page:
    return reused_page


def deposit(page: Page, amount: str) -> None:
    reload_until(page.locator("#amount:enabled")).fill(amount)


def deposits_of(page: Page, house: Mullion, amount: str) -> int:
    """How many lines of the history say `amount`, once there is one."""

    def count() -> int:
        found = page.request.get(f"{house.url}/history/?history.kind=deposits").text()
        return found.count(f'<span class="amount">+{amount}<')

    wait_for(count)
    return count()


def test_a_page_whose_htmx_was_blocked_works_by_plain_forms(house: Mullion, context: BrowserContext) -> None:
    """Browse, sign in, deposit and claim: scripts that run without the one they need take nothing away."""
    leave_out_pictures(context)
    page = context.new_page()
    console = Console(page)
    page.route("**/vendor/htmx*", lambda route: route.abort("blockedbyclient"))
    sign_in_by_form(page, house.url, "cedar", "/cashier/")
    deposit(page, "1357")
    page.get_by_role("button", name="Deposit", exact=True).click()
    expect(page).to_have_url(re.compile(r"/cashier/\?cashier\.receipt="))
    # Nothing reads a slot again here but the person: one that came too late is there after a reload.
    reload_until(page.locator(RECEIPT, has_text="¥1,357"))
    page.get_by_role("link", name="Lobby", exact=True).click()
    page.wait_for_url(f"{house.url}/")
    reload_until(page.locator("fragment-slot[slot=promotions]").get_by_role("button", name="Claim").first).click()
    expect(page).to_have_url(re.compile(r"/\?promotions\.receipt="))
    reload_until(page.locator("fragment-slot[slot=tables] a[href^='/tables/']").first).click()
    page.wait_for_url(re.compile(r"/tables/[^/]+/$"))
    assert {error for error in console.errors if "ERR_BLOCKED_BY_CLIENT" not in error} == set()


# Half of a window of 1280 px is what is left of it at twice the size.
SIZES = ((640, "100%"), (1280, "200%"), (320, "100%"))


def test_everything_is_in_reach_at_twice_the_size_and_on_the_narrowest_window(house: Mullion, browser: Browser) -> None:
    """At 200 %, with letters of 200 %, and 320 px wide: nothing scrolls sideways, and nothing to press is cut off."""
    context = browser.new_context(viewport={"width": 640, "height": 512}, device_scale_factor=2)
    page = context.new_page()
    sign_in(page, house.url, "birch")

    def look_at(path: str, width: int, font: str) -> None:
        page.set_viewport_size({"width": width, "height": 512})
        page.evaluate("size => { document.documentElement.style.fontSize = size; }", font)
        # A fragment's styles may come a moment after its words.
        wait_for(
            lambda: (
                page.evaluate("document.documentElement.scrollWidth") <= width and page.evaluate(OUTSIDE, width) == []
            ),
            describe=lambda: (path, width, font, page.evaluate(OUTSIDE, width)),
        )

    for path in ("/", "/cashier/", "/history/", "/limits/", "/tables/201/"):
        page.goto(house.url + path)
        wait_for(lambda: set(states(page).values()) == {"fresh"}, describe=lambda: states(page))
        for width, font in SIZES:
            look_at(path, width, font)
    context.close()


def test_a_deposit_is_made_by_keyboard_alone(house: Mullion, page: Page) -> None:
    """Tab from the lobby to the cashier's field, Enter sends it, and the focus can be seen at every step."""
    sign_in(page, house.url, "birch")
    wait_for(lambda: set(states(page).values()) == {"fresh"}, describe=lambda: states(page))

    def tab_to(name: str, identity: str, text: str) -> None:
        passed = []
        for _ in range(TABS_MAX):
            page.keyboard.press("Tab")
            *found, seen = page.evaluate(FOCUSED)
            passed.append(found)
            assert seen, f"the focus can not be seen on {found}"
            if found == [name, identity, text]:
                return
        raise AssertionError(f"not within {TABS_MAX} steps: {passed}")

    tab_to("a", "", "Skip to content")
    tab_to("a", "", "Cashier")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{house.url}/cashier/")
    wait_for(lambda: page.locator("#amount:enabled").count())
    tab_to("input", "amount", "")
    page.keyboard.type("15.31")
    page.keyboard.press("Enter")
    expect(page.locator(RECEIPT)).to_contain_text("£15.31")
    # Without leaving the page, its address names the receipt: reloaded, it shows the same.
    expect(page).to_have_url(re.compile(r"/cashier/\?cashier\.receipt=rc_\w+$"))


@pytest.mark.parametrize("scripts", [True, False], ids=["javascript", "no-javascript"])
def test_two_presses_of_a_money_form_are_one_effect(house: Mullion, browser: Browser, scripts: bool) -> None:
    """A double click, and a form that was kept and is sent once more, book once; another form books again."""
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    sign_in(page, house.url, "amber", "/cashier/")
    amount = "16.61" if scripts else "17.71"
    deposit(page, amount)
    form = page.locator(f"{CASHIER} form", has=page.locator("#amount"))
    key = form.locator("[name=idempotency_key]").get_attribute("value")
    page.get_by_role("button", name="Deposit", exact=True).dblclick()
    expect(page).to_have_url(re.compile(r"\?cashier\.receipt="))
    if not scripts:
        reload_until(page.locator(RECEIPT))
    expect(page.locator(RECEIPT)).to_contain_text(f"€{amount}")
    sent = page.request.post(
        f"{house.url}/slots/cashier/cashier/actions/deposit",
        form={"amount": amount, "idempotency_key": str(key)},
        headers={"Origin": house.url, "Sec-Fetch-Site": "same-origin"},
    )
    assert sent.ok
    assert deposits_of(page, house, f"€{amount}") == 1
    context.close()


def test_going_back_to_a_form_that_was_sent_books_nothing(house: Mullion, page: Page) -> None:
    """The page behind the back button is read anew: it shows what was booked and its form has another key."""
    sign_in(page, house.url, "amber", "/cashier/")
    deposit(page, "18.81")
    key = page.locator(f"{CASHIER} [name=idempotency_key]").first
    before = key.get_attribute("value")
    page.get_by_role("button", name="Deposit", exact=True).click()
    expect(page.locator(RECEIPT)).to_contain_text("€18.81")
    page.get_by_role("link", name="History", exact=True).click()
    page.wait_for_url(f"{house.url}/history/")
    page.go_back()
    page.wait_for_url(re.compile(r"/cashier/\?cashier\.receipt=rc_\w+$"))
    expect(page.locator(RECEIPT)).to_contain_text("€18.81")
    wait_for(lambda: key.get_attribute("value") != before)
    expect(page.locator("#amount")).to_have_value("")
    assert deposits_of(page, house, "€18.81") == 1


def test_page_that_was_kept_and_comes_back_agrees_with_the_other_tab(house: Mullion, browser: Browser) -> None:
    """Out of the back/forward cache every slot reads again, save one that is typed into; both tabs say the same."""
    context = browser.new_context()
    context.route_web_socket("**/live*", lambda socket: socket.close())
    first, other = context.new_page(), context.new_page()
    sign_in(first, house.url, "amber", "/cashier/")
    other.goto(f"{house.url}/cashier/")
    deposit(first, "5")
    deposit(other, "19.91")
    other.get_by_role("button", name="Deposit", exact=True).click()
    expect(other.locator(RECEIPT)).to_contain_text("€19.91")
    refetched: list[str] = []

    def note(request: Request) -> None:
        if "/slots/" in request.url:
            refetched.append(request.url.partition("?")[0].rpartition("/")[2])

    first.on("request", note)
    first.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    wait_for(lambda: first.wait_for_timeout(50) or "promotions" in refetched, describe=lambda: refetched)
    assert "cashier" not in refetched
    expect(first.locator("#amount")).to_have_value("5")
    first.locator("#amount").fill("")
    first.locator("#amount").blur()
    figures = re.compile(r"Balance.{0,40}?€[\d,.]+")

    def balance(page: Page) -> str:
        found = figures.search(words(page, "cashier"))
        return found[0] if found else ""

    wait_for(
        lambda: balance(first) and balance(first) == balance(other), describe=lambda: (balance(first), balance(other))
    )
    context.close()
