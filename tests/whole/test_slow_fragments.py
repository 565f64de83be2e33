"""A fragment that takes its time holds up nobody but itself."""

import re
import time
import urllib.request

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.lobby import PATIENT_S, states, wait_for, whole
from tests.support.slow_house import SLOTS, SlowHouse

pytestmark = pytest.mark.timeout(180)

FLAPPING_S = 11
# A breaker opens after five failures in a row, which is two pages of three slots.
VISIT_EVERY_MS = 100
# The slot is read again twice a second, as the news of a busy feed would have it; when its state changes is kept.
READ_AGAIN_AND_COUNT = """() => {
    const place = () => document.querySelector("fragment-slot[slot=tables]");
    let state = place().dataset.state;
    window.changes = [];
    setInterval(() => place()?.dispatchEvent(new Event("mullion:refetch", { bubbles: true })), 500);
    setInterval(() => {
        const now = place()?.dataset.state ?? state;
        if (now !== state) window.changes.push(performance.now());
        state = now;
    }, 20);
}"""


def moments(url: str) -> tuple[float, dict[str, float], str]:
    """(seconds to the first byte, slot -> seconds to its element, the whole page)."""
    began = time.monotonic()
    with urllib.request.urlopen(url) as answer:
        text = answer.read1(65536).decode()
        first = time.monotonic() - began
        arrived: dict[str, float] = {}
        while True:
            for slot in ("wallet", "tables", "promotions"):
                if f'<fragment-slot slot="{slot}"' in text:
                    arrived.setdefault(slot, time.monotonic() - began)
            chunk = answer.read1(65536).decode()
            if not chunk:
                return first, arrived, text
            text += chunk


def test_first_byte_does_not_wait_for_a_slow_fragment(slow: SlowHouse) -> None:
    """Head, layout and the quick slots are there long before the slow one, which lands fresh."""
    slow.fail("slow=700", at="/two")
    visits = [moments(slow.url)]

    def lands() -> bool:
        """A busy machine may lose the tenth of a second that is left; then somebody else's visit shows it."""
        visits.append(moments(slow.url))
        return visits[-1][2].count('data-state="fresh"') == 3

    wait_for(lands)
    first, arrived, text = visits[-1]
    assert whole(text, SLOTS)
    assert first < arrived["tables"] - 0.1
    assert max(arrived["wallet"], arrived["promotions"]) < arrived["tables"]
    assert arrived["tables"] >= 0.7


@pytest.mark.parametrize("scripts", [True, False], ids=["javascript", "no-javascript"])
def test_slow_fragment_lands_fresh_in_its_place(slow: SlowHouse, browser: Browser, scripts: bool) -> None:
    """700 ms of 800 is slow and in time; the browser puts it into its slot with and without a script."""
    slow.fail("slow=700", at="/two")
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    place = page.locator("fragment-slot[slot=tables]")

    def lands() -> bool:
        """A busy machine may lose the tenth of a second that is left; then somebody else's visit shows it."""
        page.goto(slow.url)
        return place.get_attribute("data-state") == "fresh"

    wait_for(lands, describe=lambda: states(page) if scripts else "")
    assert "All is well." in place.inner_text()
    box = place.bounding_box()
    assert box is not None
    assert box["height"] > 20
    context.close()


def test_fragment_that_is_too_slow_lands_as_its_fallback(slow: SlowHouse, browser: Browser) -> None:
    """2 s of 800 ms is too late: the published fallback stands there, and the fragment heals without a reload."""
    slow.fail("slow=2000", at="/two")
    late = {"wallet": "fresh", "promotions": "fresh", "tables": "fallback"}
    page = browser.new_page()
    wait_for(lambda: page.goto(slow.url) and states(page) == late, describe=lambda: states(page))
    assert "The origin is away." in page.locator("fragment-slot[slot=tables]").inner_text()
    slow.heal()
    wait_for(lambda: states(page).get("tables") == "fresh", describe=lambda: states(page))
    page.close()


# In the page, from the moment that the slot is there: the way through a busy test would take most of the time there is.
PRESS_AT_ONCE = """
    window.pressed = null;
    let old;
    new MutationObserver(() => {
        old ??= document.querySelector('fragment-slot[slot=wallet]:has(button)');
    }).observe(document, { childList: true, subtree: true });
    const again = setInterval(() => {
        if (old?.isConnected) old.querySelector('button').click();
        else if (old) {
            clearInterval(again);
            const late = document.querySelectorAll('fragment-slot[slot=tables]').length;
            window.pressed = [document.readyState, late];
        }
    }, 25);
"""


def test_button_of_an_early_slot_works_while_a_late_one_is_awaited(slow: SlowHouse, browser: Browser) -> None:
    """The page is still loading when the press is answered."""
    slow.fail("slow=2000", at="/two")
    page = browser.new_page()
    page.add_init_script(PRESS_AT_ONCE)

    def answered_at() -> list[object]:
        """On a busy machine the page may be over before the press is answered; then somebody else's visit shows it."""
        page.goto(slow.url, wait_until="commit")
        wait_for(lambda: page.evaluate("window.pressed"))
        found: list[object] = page.evaluate("window.pressed")
        return found

    wait_for(lambda: answered_at() == ["loading", 0], describe=answered_at)
    page.close()


def test_origin_whose_stylesheet_hangs_delays_nobody(slow: SlowHouse, browser: Browser) -> None:
    """Pages link the shell's own copy: the origin is not asked for its style at all."""
    slow.fail("slow=60000", at="/style.css")
    page = browser.new_page()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    began = time.monotonic()
    page.goto(slow.url)
    fresh = dict.fromkeys(("wallet", "tables", "promotions"), "fresh")
    wait_for(lambda: states(page) == fresh, describe=lambda: states(page))
    assert time.monotonic() - began < PATIENT_S
    assert [url for url in requested if not url.startswith(slow.url)] == []
    page.close()


def test_waiting_slot_says_so_once(slow: SlowHouse, page: Page) -> None:
    """Retries that bring nothing new leave the slot's elements alone, and who listens hears one sentence for it."""
    slow.fail("status=503", at="/two")
    page.goto(slow.url)
    spoken = page.locator("#slot-states")
    expect(spoken).to_have_text(re.compile("^One part of this page"))
    marked = "slot => document.querySelector(`fragment-slot[slot=${slot}]`)"
    # The first retry is one too: what the page itself brought is compared with nothing.
    wait_for(lambda: attempt(page, "tables") >= 2)
    page.evaluate(f"({marked})('tables').marked = true")
    page.evaluate(
        "const spoken = document.getElementById('slot-states'); window.announced = [];"
        "new MutationObserver(() => window.announced.push(spoken.textContent)).observe(spoken, {childList: true})"
    )
    before = attempt(page, "tables")
    wait_for(lambda: attempt(page, "tables") > before)
    assert page.evaluate(f"({marked})('tables').marked") is True
    assert page.evaluate("window.announced") == []
    slow.heal()
    wait_for(lambda: states(page)["tables"] == "fresh")
    expect(spoken).to_have_text(re.compile("up to date again"))


def attempt(page: Page, slot: str) -> int:
    """Which retry a slot will be asked with next."""
    address = page.get_attribute(f"fragment-slot[slot={slot}]", "hx-get") or ""
    return int(address.partition("attempt=")[2] or 0)


def test_flapping_fragment_changes_its_slot_at_most_twice_in_ten_seconds(slow: SlowHouse, browser: Browser) -> None:
    """A second well, a second ill: an open page that reads the slot again and again does not flicker with it."""
    page = browser.new_page()
    wait_for(lambda: page.goto(slow.url) and set(states(page).values()) == {"fresh"}, describe=lambda: states(page))
    page.evaluate(READ_AGAIN_AND_COUNT)
    slow.fail("flapping=1000")
    began = time.monotonic()
    while time.monotonic() - began < FLAPPING_S:  # other visitors meanwhile; what they meet opens the breaker
        assert whole(urllib.request.urlopen(slow.url).read().decode(), SLOTS)
        page.wait_for_timeout(VISIT_EVERY_MS)
    changes: list[float] = page.evaluate("window.changes")
    most = max((sum(at <= other < at + 10_000 for other in changes) for at in changes), default=0)
    assert most <= 2, [round(at) for at in changes]
    slow.heal()
    wait_for(lambda: set(states(page).values()) == {"fresh"}, describe=lambda: states(page))
    page.close()
