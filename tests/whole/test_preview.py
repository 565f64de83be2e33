"""A release that is not live is shown to one browser of its team, under a banner, and to nobody else."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.origin.server import Origin
from tests.support.accessibility import findings
from tests.support.lobby import start_session, wait_for
from tests.support.manage_commands import manage_commands
from tests.support.slow_house import SlowHouse

pytestmark = pytest.mark.timeout(240)
CANDIDATE = b"<section><h2>Origin</h2><p>Not live yet.</p><p><a href='/limits/'>A link of it</a></p></section>"
# As an hour's fraction: over before the test comes to it.
SHORT_H = "0.0003"
# What lies under the banner where it is scrolled to the window's top, of all that can be clicked beside it.
COVERED = """() => [...document.querySelectorAll('a[href]:not(.skip), button')].filter((each) => {
    if (!each.checkVisibility()) return false;
    each.scrollIntoView({ block: 'start', behavior: 'instant' });
    const { x, y, width, height } = each.getBoundingClientRect();
    const top = document.elementFromPoint(x + width / 2, y + height / 2);
    return top?.closest('.preview') && !each.closest('.preview');
}).map((each) => each.textContent)"""
# Where something that a page keeps in view stands once the page is scrolled.
STICKS_AT = """() => {
    const sticky = document.createElement('p');
    sticky.style.cssText = 'position: sticky; top: 0; margin: 0';
    document.querySelector('main').before(sticky);
    document.body.style.minHeight = '300vh';
    scrollTo(0, innerHeight);
    const { top } = sticky.getBoundingClientRect();
    sticky.remove();
    document.body.style.minHeight = '';
    scrollTo(0, 0);
    return top;
}"""


@dataclass(frozen=True, slots=True)
class Links:
    """To one candidate: one that is valid, the same with another signature, and one that is over."""

    valid: str
    forged: str
    over: str


@pytest.fixture
def links(releasing: SlowHouse) -> Iterator[Links]:
    """For the team of the origin's fragment, which is amber."""
    newer = Origin(body=CANDIDATE)
    releasing._run(newer.__aenter__())
    releasing._run(newer.fail("odd-manifest=changing", at="/manifest.json"))
    try:
        publish = ("fragment", "publish", "--candidate", "--move", f"{newer.url}/manifest.json")
        pages = {"SHELL_PAGES": str(releasing.pages)}
        version = (
            manage_commands(releasing.mullion, ("fragment", "team", "origin", "amber"), publish, **pages)
            .split("published origin ")[1]
            .split(" ")[0]
        )
        preview = ("fragment", "preview", "origin", version)
        made = manage_commands(releasing.mullion, preview, (*preview, "--hours", SHORT_H), **pages).split()
        valid, over = (releasing.url + urlsplit(each).path for each in made if "/preview/" in each)
        yield Links(valid, f"{valid[:-2]}{'0' if valid[-2] != '0' else '1'}/", over)
    finally:
        releasing._run(newer.aclose())


def browser_of(browser: Browser, house: SlowHouse, player: str) -> Page:
    """A page of a browser that is signed in as `player`."""
    context = browser.new_context()
    start_session(context, house.url, player)
    return context.new_page()


def shows(page: Page, text: str) -> None:
    """In a slot of the fragment, wherever its HTML stands."""
    expect(page.locator("fragment-slot[slot=wallet]").get_by_text(text)).to_be_visible()


def test_candidate_is_seen_by_the_browser_that_opened_its_link_and_by_nobody_else(
    releasing: SlowHouse, browser: Browser, links: Links
) -> None:
    """Not by the same account elsewhere nor by another account; a forged link and one that is over say so."""
    member = browser_of(browser, releasing, "amber")
    member.goto(links.valid)
    banner = member.get_by_role("complementary", name="Preview")
    expect(banner).to_contain_text("Only this browser sees it")
    shows(member, "Not live yet.")
    look_at_banner(member)
    wait_for(lambda: is_over(links.over))
    elsewhere, stranger = (browser_of(browser, releasing, player) for player in ("amber", "birch"))
    for other, link, why in (
        (elsewhere, links.valid, "belongs to another browser"),
        (elsewhere, links.forged, "no link to a preview"),
        (elsewhere, links.over, "This preview is over"),
        (stranger, links.valid, "is not of the team of origin"),
    ):
        other.goto(link)
        expect(other.get_by_text(why)).to_be_visible()
    for other in (elsewhere, stranger):
        other.goto(releasing.url)
        shows(other, "All is well.")
        expect(other.get_by_role("complementary", name="Preview")).to_have_count(0)
        other.context.close()
    member.reload()
    shows(member, "Not live yet.")
    # The first stop is the link past what all pages have.
    member.keyboard.press("Tab")
    member.keyboard.press("Tab")
    expect(banner.get_by_role("button", name="Leave the preview")).to_be_focused()
    member.keyboard.press("Enter")
    expect(banner).to_have_count(0)
    shows(member, "All is well.")
    member.context.close()


def look_at_banner(page: Page) -> None:
    """It lies over no control and moves nothing that sticks, at any width, in either direction and theme."""
    for width in (1280, 768, 390):
        page.set_viewport_size({"width": width, "height": 500})
        for direction in ("rtl", "ltr"):
            page.evaluate("direction => { document.documentElement.dir = direction }", direction)
            assert page.evaluate(COVERED) == [], (width, direction)
            assert page.evaluate(STICKS_AT) == 0, (width, direction)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (width, direction)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of Playwright's two words
        assert findings(page) == [], scheme


def is_over(link: str) -> bool:
    """Whether it is over, by the time that stands in it."""
    return time.time() > int(link.rstrip("/").rpartition("/")[2].split(".")[1])
