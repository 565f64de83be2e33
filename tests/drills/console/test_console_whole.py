"""The outage console over a house that runs: a real slot falls back and heals beside it."""

import re

import pytest
from playwright.async_api import expect

from tests.drills.evidence.browser import open_browser
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


async def test_broken_hop_is_seen_in_the_lobby_and_told_in_the_list_and_so_is_its_healing(
    drilled_house: Mullion,
) -> None:
    """The token leaves the address, and nothing of the console's is refused by its own policy."""
    async with open_browser() as browser:
        page = await (await browser.new_context(viewport={"width": 1280, "height": 800})).new_page()
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(address(drilled_house))
        lobby = page.frame_locator("iframe[title='The lobby']")
        promotions, wallet = (lobby.locator(f"fragment-slot[slot={name}]") for name in ("promotions", "wallet"))
        await expect(promotions).to_have_attribute("data-state", "fresh", timeout=SOON_MS)
        # What a slot was before is what the console has seen itself.
        await expect(page.locator("#slots li").filter(has_text="promotions")).to_contain_text("fresh", timeout=SOON_MS)
        assert "token" not in page.url
        await page.get_by_role("button", name=HOP).click()
        await page.get_by_label("For how long, in seconds").fill("600")
        await page.get_by_role("button", name="Break it", exact=True).click()
        await expect(page.get_by_role("status")).to_have_text("shell → promotions is broken", timeout=SOON_MS)
        await expect(promotions).to_have_attribute("data-state", "stale", timeout=SOON_MS)
        await expect(wallet).to_have_attribute("data-state", "fresh", timeout=SOON_MS)
        entry = page.locator("#entries > li").first
        await expect(entry).to_contain_text(re.compile(r"promotions\s*stale \(\w+\) after [\d.]+ m?s"), timeout=SOON_MS)
        await expect(entry).to_contain_text(re.compile(r"wallet.* did not change"))
        await expect(entry).to_contain_text(re.compile(r"hit [1-9]\d* connection"), timeout=SOON_MS)
        await page.get_by_role("button", name="Heal shell to promotions").click()
        await expect(promotions).to_have_attribute("data-state", "fresh", timeout=SOON_MS)
        await expect(entry).to_contain_text(re.compile(r"fresh again [\d.]+ m?s after the end"), timeout=SOON_MS)
        await expect(entry).to_contain_text("healed here after", timeout=SOON_MS)
        assert [each for each in errors if "Content Security Policy" in each] == []
