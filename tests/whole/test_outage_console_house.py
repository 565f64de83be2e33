"""The outage console over a house that runs: a real slot falls back and heals beside it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.lobby import Console
from tests.support.mullion import Mullion

pytestmark = pytest.mark.timeout(300)

HOP = "From shell to promotions"
# States are waited for, however long the machine takes; the fault outlasts the test, and ends when it says so.
SOON_MS = 60_000


def address(mullion: Mullion) -> str:
    """As `up --drills` prints it."""
    found = re.search(r"Outage console +(http://localhost:\d+/#token=\S+)", mullion.output())
    assert found, mullion.output()
    return found[1]


def test_broken_hop_is_seen_in_the_lobby_and_told_in_the_list_and_so_is_its_healing(
    drilled: Mullion, page: Page
) -> None:
    """The token leaves the address, and nothing of the console's is refused by its own policy."""
    console = Console(page)
    page.goto(address(drilled))
    lobby = page.frame_locator("iframe[title='The lobby']")
    promotions, wallet = (lobby.locator(f"fragment-slot[slot={name}]") for name in ("promotions", "wallet"))
    expect(promotions).to_have_attribute("data-state", "fresh", timeout=SOON_MS)
    # What a slot was before is what the console has seen itself.
    expect(page.locator("#slots li").filter(has_text="promotions")).to_contain_text("fresh", timeout=SOON_MS)
    assert "token" not in page.url
    page.get_by_role("button", name=HOP).click()
    page.get_by_label("For how long, in seconds").fill("600")
    page.get_by_role("button", name="Break it", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("shell → promotions is broken", timeout=SOON_MS)
    expect(promotions).to_have_attribute("data-state", "fallback", timeout=SOON_MS)
    expect(wallet).to_have_attribute("data-state", "fresh", timeout=SOON_MS)
    entry = page.locator("#entries > li").first
    expect(entry).to_contain_text(re.compile(r"promotions\s*fallback \(\w+\) after [\d.]+ m?s"), timeout=SOON_MS)
    expect(entry).to_contain_text(re.compile(r"wallet.* did not change"))
    expect(entry).to_contain_text(re.compile(r"hit [1-9]\d* connection"), timeout=SOON_MS)
    page.get_by_role("button", name="Heal shell to promotions").click()
    expect(promotions).to_have_attribute("data-state", "fresh", timeout=SOON_MS)
    expect(entry).to_contain_text(re.compile(r"fresh again [\d.]+ m?s after the end"), timeout=SOON_MS)
    expect(entry).to_contain_text("healed here after", timeout=SOON_MS)
    assert [each for each in console.errors if "Content Security Policy" in each] == []
