"""The engine is down: what every open page of a player shows and allows, until the engine is back."""

import time

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.lobby import leave_out_pictures, sign_in, states, wait_for, words
from tests.support.mullion import Mullion

pytestmark = pytest.mark.timeout(180)

TABLE = "/tables/203/"
# Three times the promise: five pages of one browser, on a machine that may be busy.
CLOSED_S_MAX = 15.0
PRESSABLE = """[...document.querySelectorAll("fragment-slot")].flatMap((slot) =>
    [...slot.shadowRoot.querySelectorAll('form[method="post" i] button:enabled')].map(
        (each) => `${slot.slot}: ${each.textContent}`))"""
PAUSED = "paused: the cashier can not be reached right now."


def pressable(page: Page) -> list[str]:
    """Buttons of forms that send commands; a search needs no engine."""
    found: list[str] = page.evaluate(PRESSABLE)
    return found


def load_anew(page: Page, url: str) -> None:
    """What is loaded while the engine is down: forms are closed with the reason, the history is shown as ever, and
    clock and limits stand in the shell's own bar."""
    page.reload()
    wait_for(lambda: states(page).get("limits") == "degraded", describe=lambda: states(page))
    expect(page.locator("#limit-amount")).to_be_disabled()
    expect(page.locator("fragment-slot[slot=limits]")).to_contain_text("What is set stays in force")
    page.goto(f"{url}/history/")
    wait_for(lambda: states(page).get("history") == "fresh", describe=lambda: states(page))
    page.goto(f"{url}/cashier/")
    expect(page.locator("#withdraw-amount")).to_be_disabled()
    expect(page.locator("fragment-slot[slot=cashier]")).to_contain_text("Withdrawals are paused")
    expect(page.locator(".duties .clock")).to_contain_text("min")


def test_open_pages_close_what_needs_the_engine_within_five_seconds_and_keep_what_was_typed(
    house: Mullion, browser: Browser
) -> None:
    """Deposit, claim, limits, bets; whether the player is typing, has just pressed, or only looks; and everything opens
    again."""
    context = browser.new_context()
    leave_out_pictures(context)
    first = context.new_page()
    sign_in(first, house.url, "amber", "/cashier/")
    pages = {"cashier": first}
    for name, address in {
        "lobby": house.url,
        "limits": f"{house.url}/limits/",
        "typing": f"{house.url}/cashier/",
        "table": f"{house.url}{TABLE}",
    }.items():
        pages[name] = context.new_page()
        pages[name].goto(address)
    for name, page in pages.items():
        wait_for(lambda page=page: page.wait_for_timeout(50) or pressable(page), describe=lambda page=page: page.url)
        assert name
    pages["typing"].locator("#amount").fill("43.21")
    pages["cashier"].locator("#amount").fill("12.34")

    house.disable("bff-commands")
    down = time.monotonic()
    pages["cashier"].get_by_role("button", name="Deposit", exact=True).click()
    card = pages["cashier"].locator("fragment-slot[slot=cashier] .receipt")
    expect(card).to_contain_text("was not sent")
    open_at: dict[str, float] = {}
    while len(open_at) < len(pages) and time.monotonic() < down + 2 * CLOSED_S_MAX:
        for name, page in pages.items():
            page.wait_for_timeout(20)
            if name not in open_at and pressable(page) == []:
                open_at[name] = time.monotonic() - down
    assert set(open_at) == set(pages), {name: pressable(page) for name, page in pages.items()}
    assert max(open_at.values()) <= CLOSED_S_MAX, open_at
    for name, slot in {"cashier": "cashier", "lobby": "promotions", "typing": "cashier", "table": "slip"}.items():
        wait_for(
            lambda name=name, slot=slot: PAUSED in words(pages[name], slot),  # type: ignore[misc]
            describe=lambda name=name, slot=slot: (name, words(pages[name], slot)),  # type: ignore[misc]
        )
    load_anew(pages["limits"], house.url)
    pages["cashier"].wait_for_timeout(3_000)
    expect(card).to_contain_text("What you typed is kept")
    for name, typed in {"cashier": "12.34", "typing": "43.21"}.items():
        expect(pages[name].locator("#amount")).to_have_value(typed)

    house.enable("bff-commands")
    for page in pages.values():
        wait_for(lambda page=page: page.wait_for_timeout(50) or pressable(page), describe=lambda page=page: page.url)
    expect(card).to_have_count(0)
    expect(pages["cashier"].locator("#amount")).to_have_value("12.34")
    pages["cashier"].get_by_role("button", name="Deposit", exact=True).click()
    expect(card).to_contain_text("€12.34")
    assert PAUSED not in words(pages["cashier"], "cashier")
    card.get_by_role("link", name="Close").press("Enter")
    expect(card).to_have_count(0)
    expect(pages["cashier"]).to_have_url(f"{house.url}/cashier/")
    context.close()
