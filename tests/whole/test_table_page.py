"""One live table in a browser: bets that move money, a picture that says how it is, and a page without a script."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support import plain_http
from tests.support.lobby import (
    leave_out_pictures,
    press_without_script,
    reload_until,
    sign_in,
    states,
    wait_for,
    words,
)
from tests.support.mullion import Mullion

pytestmark = pytest.mark.timeout(180)

TABLE = "203"
PATH = f"/tables/{TABLE}/"
SLOTS = {"table", "slip", "wallet", "bets"}
LEFT_MS = """() => {
  const time = document.querySelector('#slot-slip')?.shadowRoot?.querySelector('.slip-window time');
  return time?.dateTime ? Date.parse(time.dateTime) - Date.now() : 0;
}"""
STREAM = "document.querySelector('#slot-table').shadowRoot.querySelector('figure')?.dataset.streamState"


def control(house: Mullion, what: str, **body: Any) -> None:
    """Tell the tables' provider what to do."""
    url = f"{house.url_of('sandbox-tables')}/control/{what}"
    plain_http.post(url, json=body).raise_for_status()


@pytest.fixture
def fail(house: Mullion) -> Iterator[Callable[[str], None]]:
    """Make the tables' provider fail in a named way; ended after the test."""
    yield lambda kind: control(house, "fault", kind=kind, for_s=600)
    control(house, "fault", kind="none")


@pytest.fixture
def _no_picture(context: BrowserContext) -> None:
    leave_out_pictures(context)


@pytest.fixture
def running_clock(house: Mullion) -> Iterator[None]:
    """The tables' clock runs after the test."""
    yield
    control(house, "clock", held=False)


def whole(page: Page) -> bool:
    seen = states(page)
    return set(seen) == SLOTS and set(seen.values()) == {"fresh"}


def open_table(page: Page, house: Mullion, player: str) -> None:
    sign_in(page, house.url, player, PATH)
    wait_for(lambda: whole(page), describe=lambda: states(page))


def wait_for_window(page: Page, house: Mullion) -> None:
    """Until bets are taken for some seconds more; the sandbox's clock is helped along, as fast as a page follows."""

    def is_open() -> bool:
        if page.evaluate(LEFT_MS) > 8000:
            return True
        control(house, "clock", held=False, step_s=2)
        page.wait_for_timeout(1500)
        return False

    wait_for(is_open, 60)


def balance(page: Page) -> int:
    """What the wallet's card shows, in cents."""
    found = re.search(r"Balance [€£]([\d,]+\.\d\d)", words(page, "wallet"))
    return int(re.sub(r"\D", "", found[1])) if found else -1


def bet(page: Page, side: str, stake: str) -> None:
    page.locator("label.stake", has_text=stake).click()
    page.get_by_role("button", name=side, exact=True).click()


@pytest.mark.usefixtures("running_clock", "_no_picture")
def test_a_bet_is_placed_settled_and_paid_in_every_open_tab(house: Mullion, page: Page) -> None:
    """The slip says it is in, the stake leaves both tabs at once, the round decides, and a win comes back."""
    open_table(page, house, "amber")
    other = page.context.new_page()
    other.goto(house.url)
    before = balance(page)
    wait_for(lambda: balance(other) == before)
    wait_for_window(page, house)
    bet(page, "Red", "€5")
    expect(page.locator("#slot-slip .outcome")).to_contain_text("€5 on red is in")
    control(house, "clock", held=True)  # so that it stays in play for as long as it is looked at
    wait_for(lambda: balance(page) == balance(other) == before - 500, describe=lambda: (balance(page), balance(other)))
    expect(page.locator("#slot-bets .bet").first).to_contain_text("In play")
    control(house, "clock", held=False, step_s=25)
    first = page.locator("#slot-bets .bet").first
    expect(first).to_contain_text(re.compile(r"Won €10\.00|Lost"))
    won = 1000 if "Won" in first.inner_text() else 0
    wait_for(
        lambda: balance(page) == balance(other) == before - 500 + won, describe=lambda: (balance(page), before, won)
    )
    chosen = page.locator("#slot-slip input[name=stake]:checked")
    wait_for(lambda: page.locator("#slot-slip .outcome").count() == 0)
    expect(chosen, "the chip that was chosen stays chosen").to_have_value("500")


@pytest.mark.usefixtures("_no_picture")
def test_a_bet_whose_answer_got_lost_is_placed_once_and_one_after_the_window_is_refused(
    house: Mullion, page: Page, fail: Callable[[str], None]
) -> None:
    """The slip says that it may be in; the list shows it; asking again is the same bet. When bets are closed it says
    so; who presses all the same is told, and nothing is taken."""
    open_table(page, house, "amber")
    before, bets = balance(page), page.locator("#slot-bets .bet").count()
    wait_for_window(page, house)
    fail("bets_unanswered")
    bet(page, "Red", "€1")
    expect(page.locator("#slot-slip .outcome-warn")).to_contain_text("may or may not be in")
    fail("none")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("#slot-slip .outcome-good")).to_contain_text("€1 on red")
    wait_for(lambda: page.locator("#slot-bets .bet").count() == min(bets + 1, 8))
    control(house, "clock", held=False, step_s=25)
    expect(page.locator("#slot-bets .bet").first).to_contain_text(re.compile(r"Won €2\.00|Lost"))
    won = 200 if "Won" in page.locator("#slot-bets .bet").first.inner_text() else 0
    after = before - 100 + won
    wait_for(lambda: balance(page) == after, describe=lambda: (balance(page), before, won))
    wait_for(lambda: page.locator("#slot-slip .slip-window").inner_text().endswith("Closed"), 60)
    page.get_by_role("button", name="Black", exact=True).click()
    expect(page.locator("#slot-slip [role=alert]")).to_contain_text("Nothing was taken")
    expect(page.get_by_role("button", name="Black", exact=True)).to_be_visible()
    assert balance(page) == after


def test_numbers_and_picture_go_on_without_each_other(house: Mullion, page: Page, fail: Callable[[str], None]) -> None:
    """No picture: stalled, then a poster with the last results, while results move. No numbers: the picture plays."""
    open_table(page, house, "amber")
    wait_for(lambda: page.evaluate(STREAM) == "live", 40)
    expect(page.locator("#slot-table .poster")).to_be_hidden()
    fail("video_missing")
    wait_for(lambda: page.evaluate(STREAM) == "stalled", 60)
    expect(page.locator("#slot-table [data-stream-words]")).to_contain_text("stopped")
    wait_for(lambda: page.evaluate(STREAM) == "offline", 60)
    expect(page.locator("#slot-table .poster .last")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    road = page.locator("#slot-table .road .chips")
    before = road.inner_text()
    control(house, "clock", held=False, step_s=60)
    wait_for(lambda: road.inner_text() != before)
    wait_for(lambda: states(page)["table"] == "fresh")
    fail("silence")
    wait_for(lambda: page.evaluate(STREAM) == "live", 40)
    wait_for(lambda: states(page)["table"] == "degraded", 40, lambda: states(page))
    wait_for(lambda: page.evaluate(STREAM) == "live")
    expect(page.locator("#slot-slip")).to_contain_text("Bets wait until the table is up to date again")
    fail("none")
    wait_for(lambda: whole(page), 40, lambda: states(page))
    wait_for(lambda: page.evaluate(STREAM) == "live")


def test_results_move_in_the_lobby_without_a_swap(house: Mullion, page: Page) -> None:
    """The chips of a card change by themselves; the card is the same element as before."""
    page.goto(house.url)
    wait_for(lambda: page.locator("#slot-tables li.table").count() >= 12)
    chips = "(document.querySelector('#slot-tables').shadowRoot ?? document).querySelectorAll('li.roulette .chips')"
    # A table that opens or closes meanwhile brings the slot anew, and its cards with it: then those are looked at.
    page.evaluate(f"""() => {{
      const cards = () => [...{chips}].map((each) => [each, each.textContent]);
      let before = cards();
      window.moved = null; // the newest color of a card that has changed by itself
      window.look = () => {{
        const found = before.find(([each, text]) => each.isConnected && each.textContent !== text);
        if (!before.some(([each]) => each.isConnected)) before = cards();
        window.moved ??= found?.[0].querySelector(".chip").dataset.color ?? null;
        return window.moved;
      }};
    }}""")
    wait_for(lambda: page.evaluate("look()") or control(house, "clock", held=False, step_s=10), 60, every_s=1.0)
    assert page.evaluate("moved") in ("red", "black", "green")


def test_closed_table_takes_nobody_and_says_when_it_opens(house: Mullion, page: Page) -> None:
    """No picture, no form: a time, here and in the lobby."""
    sign_in(page, house.url, "amber", "/live/roulette/")
    closed = page.locator("#slot-tables li.closed a")
    # Tables close for a while every two hours; the sandbox's clock goes on until one does.
    wait_for(lambda: closed.count() or control(house, "clock", held=False, step_s=600) or page.reload() is None, 60)
    closed.first.click()
    expect(page.locator("#slot-table .poster-title")).to_contain_text(re.compile(r"Opens at \d\d:\d\d UTC"))
    expect(page.locator("#slot-slip")).to_contain_text(re.compile(r"opens at \d\d:\d\d UTC"))
    assert page.locator("#slot-slip form, #slot-table video").count() == 0


def slots_of(house: Mullion) -> dict[str, tuple[str, str]]:
    """Of a visitor's page of the table: slot -> (state, what stands in it)."""
    parts = house.get(PATH)[1].split("<fragment-slot ")[1:]
    found = [(re.match(r'slot="([^"]+)"[^>]*data-state="(\w+)"', part), part) for part in parts]
    return {match[1]: (match[2], part.partition("</fragment-slot>")[0]) for match, part in found if match}


def test_visitor_sees_the_table_and_is_invited_to_sign_in(house: Mullion) -> None:
    """Everything that moves is for everybody; a bet needs a player."""

    slots: dict[str, tuple[str, str]] = {}

    def is_whole() -> bool:
        slots.update(slots_of(house))
        return {name: state for name, (state, _) in slots.items()} == dict.fromkeys(SLOTS, "fresh")

    wait_for(is_whole, describe=lambda: slots)
    slip = slots["slip"][1]
    assert re.search(rf'<a [^>]*href="/sign-in/\?next={PATH}"[^>]*>[^<]*Sign in', slip), slip
    assert "<form" not in slip


def test_without_javascript_the_page_is_dated_refreshes_and_takes_bets(house: Mullion, browser: Browser) -> None:
    """The last known state with its age, read again by itself after ten seconds or more, and a bet by a plain form."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, house.url, "birch", PATH)
    expect(reload_until(page.locator("#slot-table .made"))).to_contain_text(re.compile(r"As of [\d:]+ UTC, \d+ s old"))
    expect(reload_until(page.locator("#slot-table .poster .last"))).to_be_visible()
    refresh = page.locator("meta[http-equiv=refresh]").get_attribute("content") or ""
    assert int(refresh.partition(";")[0]) >= 10
    assert refresh.endswith(f"url={PATH}")

    def placed() -> bool:
        closes_at = reload_until(page.locator("#slot-slip input[name=closes_at]"))
        if closes_at.get_attribute("value") == "":
            control(house, "clock", held=False, step_s=3)
            page.wait_for_timeout(700)
            page.goto(house.url + PATH)
            return False
        press_without_script(page.get_by_role("button", name="Red", exact=True))
        return "slip.receipt=" in page.url

    wait_for(placed, 60)
    reload_until(page.locator("#slot-slip .outcome", has_text=re.compile("on red (is in|won|lost)")))
    reload_until(page.locator("#slot-bets .bet").first.filter(has_text="on red"))
    # The page goes back to its own address by itself.
    page.wait_for_url(house.url + PATH, timeout=40_000)
    context.close()
