"""The outage console in a real browser: break a hop and see what comes of it, with the mouse and without."""

import re
import signal
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from tests.drills.console.rig import ConsoleRig
from tests.support.accessibility import findings
from tests.support.lobby import PATIENT_S, wait_for

pytestmark = pytest.mark.timeout(300)

HOP = "From shell to promotions"
# States are waited for, however long the machine takes; faults outlast each test, and end when it says so.
SOON_MS = 60_000
LASTS_S = "600"
WIDTH = "document.documentElement.scrollWidth"
HEADER_HEIGHT_MAX = 120
# Of each line of what is on: whether its button begins behind all of its words, and is as high as the line allows.
LINES = """
    [...document.querySelectorAll("#on > li")].map((line) => {
        const box = line.getBoundingClientRect();
        const button = line.querySelector("button").getBoundingClientRect();
        const words = [...line.querySelectorAll("strong, span:not(.time-left), time")];
        const beside = words.every((each) => each.getBoundingClientRect().right <= button.left + 1);
        return [beside, button.top >= box.top && button.bottom <= box.bottom && button.height >= 40];
    })
"""


@pytest.fixture(scope="module")
def _rig() -> Iterator[ConsoleRig]:
    with ConsoleRig() as rig:
        yield rig


@pytest.fixture
def rig(_rig: ConsoleRig) -> Iterator[ConsoleRig]:
    """The console before a stand-in for the house; nothing is broken when a test begins."""
    yield _rig
    _rig.heal()


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    expect.set_options(timeout=SOON_MS)
    yield
    expect.set_options(timeout=PATIENT_S * 1000)


@pytest.fixture
def page(reused_page: Page) -> Page:
    return reused_page


def opened(page: Page, url: str) -> Page:
    """The console, drawn and with its lobby; it has seen itself what each slot was before anything is broken."""
    page.goto(url)
    expect(page.get_by_role("status")).to_have_text(re.compile(r"Nothing is broken; \d+ hops"))
    expect(slot(page, "promotions")).to_have_attribute("data-state", "fresh")
    expect(page.get_by_label("Slots of the lobby")).to_contain_text("promotions fresh")
    return page


def break_it(page: Page) -> None:
    """As the open dialog has it, for longer than any test takes."""
    page.get_by_label("For how long, in seconds").fill(LASTS_S)
    page.get_by_role("button", name="Break it", exact=True).click()


def lobby(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title='The lobby']")


def slot(page: Page, name: str) -> Locator:
    return lobby(page).locator(f"fragment-slot[slot={name}]")


def hop(page: Page) -> Locator:
    return page.get_by_role("button", name=HOP)


def test_keyboard_alone_breaks_and_heals(rig: ConsoleRig, page: Page) -> None:
    """What had the keyboard and is gone hands it to the hop that it was about."""
    opened(page, rig.address)
    press_until(page, "Tab", lambda: focused(page).startswith(HOP))
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="shell → promotions")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(hop(page)).to_be_focused()
    page.keyboard.press("Enter")
    press_until(page, "Tab", lambda: page.evaluate("document.activeElement.id") == "panel-for")
    page.keyboard.type(LASTS_S)
    page.keyboard.press("Enter")
    expect(hop(page)).to_have_attribute("aria-label", re.compile("broken, latency 3000 for everyone"))
    expect(hop(page)).to_be_focused()
    press_until(page, "Shift+Tab", lambda: focused(page) == "Heal shell to promotions")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text(re.compile("Nothing is broken"))
    expect(hop(page)).to_be_focused()


def focused(page: Page) -> str:
    name: str = page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''")
    return name


def press_until(page: Page, key: str, holds: Callable[[], bool]) -> None:
    for _ in range(80):
        page.keyboard.press(key)
        if holds():
            return
    raise AssertionError(f"{key} led nowhere")


@pytest.mark.parametrize(
    ("widths", "scheme"), [((1280, 390), "dark"), pytest.param((768,), "light", marks=pytest.mark.full)]
)
def test_console_holds_on_every_screen_whatever_is_broken(
    rig: ConsoleRig, browser: Browser, widths: tuple[int, ...], scheme: str
) -> None:
    """Nothing is wider than the screen, and axe finds nothing: when all is well, while choosing, and while broken."""
    context = browser.new_context(
        viewport={"width": widths[0], "height": 844}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = opened(context.new_page(), rig.address)

    def look(*, at_lines: bool = False) -> None:
        for width in widths:
            page.set_viewport_size({"width": width, "height": 844})
            if at_lines:
                look_at_lines(page)
            assert (page.evaluate(WIDTH), findings(page)) == (width, [])

    look()
    hop(page).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look()
    break_it(page)
    rig.slots["promotions"] = ("fallback", "timeout")
    # What others break comes above it.
    entry = page.locator("#entries > li").filter(has_text="shell → promotions").first
    expect(entry).to_contain_text("fallback (timeout)")
    look()
    rig.break_more()
    expect(page.get_by_role("status")).to_have_text("4 hops are broken")
    look(at_lines=True)
    page.get_by_role("button", name="Heal everything").click()
    expect(page.get_by_role("status")).to_have_text(re.compile("Nothing is broken"))
    rig.slots["promotions"] = ("fresh", "")
    expect(entry).to_contain_text("after the end")
    context.close()


def look_at_lines(page: Page) -> None:
    bounds = page.evaluate(LINES)
    assert len(bounds) == 4
    assert all(beside and inside for beside, inside in bounds), "the button that heals stands beside its fault"
    assert page.locator("header.top").bounding_box()["height"] < HEADER_HEIGHT_MAX  # type: ignore[index]


def test_value_out_of_bounds_is_told_and_breaks_nothing(rig: ConsoleRig, page: Page) -> None:
    opened(page, rig.address)
    hop(page).click()
    page.get_by_label("For how long, in seconds").fill("4000")
    page.get_by_role("button", name="Break it", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="For how long")).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("status")).to_have_text(re.compile("Nothing is broken"))


def test_part_that_does_not_answer_says_so(rig: ConsoleRig, page: Page) -> None:
    """A process without figures, a breaker that is open, and a fault proxy that is away: the last drawing stays."""
    opened(page, rig.address)
    rig.silent, rig.breaker = {"wallet"}, "open"
    card = page.locator("#drawing li[data-source=unreachable]")
    expect(card).to_contain_text("Its figures can not be read")
    expect(card).to_have_count(1)
    expect(hop(page)).to_have_attribute("aria-label", re.compile("breaker open"))
    rig.proxy.send_signal(signal.SIGSTOP)
    try:
        expect(page.get_by_role("alert").first).to_contain_text("The fault proxy does not answer")
        expect(hop(page)).to_be_visible()
    finally:
        rig.proxy.send_signal(signal.SIGCONT)
    expect(page.locator("#notice")).to_be_hidden(timeout=SOON_MS)


def test_lobby_that_could_not_be_reached_is_there_again_once_it_can(rig: ConsoleRig, page: Page) -> None:
    """The hop to the shell itself is down: the list says so of the page, and the frame comes back without a click."""
    opened(page, rig.address)
    page.get_by_role("button", name="From browser to shell").click()
    page.get_by_role("radio", name="Down").check()
    break_it(page)
    entry = page.locator("#entries > li").first
    expect(entry).to_contain_text("the page unreachable")
    expect(slot(page, "promotions")).to_have_count(0)
    page.get_by_role("button", name="Heal browser to shell").click()
    expect(entry).to_contain_text("fresh again")
    expect(slot(page, "promotions")).to_have_attribute("data-state", "fresh")


def test_testers_browser_carries_the_mark_and_the_list_watches_both(rig: ConsoleRig, page: Page) -> None:
    """Set and taken away above the lobby; a fault for this browser leaves everybody else's slots as they were."""
    opened(page, rig.address)
    page.get_by_role("radio", name="The tester’s").check()
    wait_for(lambda: "mullion-drill" in {cookie["name"] for cookie in page.context.cookies()}, 60)
    expect(page.get_by_label("Slots of the lobby")).to_contain_text("promotions fresh")
    hop(page).click()
    page.get_by_role("radio", name="This browser").check()
    break_it(page)
    expect(page.get_by_label("Faults that are on")).to_contain_text("for this browser's session")
    entry = page.locator("#entries > li").first
    expect(entry).to_contain_text("did not change for everyone else so far")
    expect(entry).to_contain_text("hit 0 requests")
    page.get_by_role("radio", name="Everyone’s").check()
    wait_for(lambda: "mullion-drill" not in {cookie["name"] for cookie in page.context.cookies()}, 60)


def test_page_without_the_token_of_this_run_says_where_it_is(rig: ConsoleRig, page: Page) -> None:
    page.goto(rig.address.partition("#")[0])
    expect(page.get_by_role("alert").first).to_contain_text("open the address that up --drills printed")
