"""A real podlet with `useShadowDOM`, in Chromium: its root is there in a page that streams and after each swap."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.podium.rig import Podium, Started
from tests.support.slow_house import SlowHouse

STYLE = ":host { display: block } p { color: rgb(1, 2, 3) }"
FORM = '<form action="more/answer" method="post"><input name="note"><button>Send</button></form>'
# What stands in the podlet's own root, which stands in the slot's or in the page's tree.
INSIDE = """(isolation) => {
  const slot = document.querySelector("#slot-history");
  const host = (slot.shadowRoot ?? slot).querySelector("my-podlet, span");
  const words = host?.shadowRoot?.querySelector("p");
  return { own: Boolean(slot.shadowRoot), tag: host?.localName, words: words?.textContent,
    color: words && getComputedStyle(words).color };
}"""


@pytest.fixture
def guest(podium: Podium, request: pytest.FixtureRequest) -> Iterator[Started]:
    variant = {
        "name": "my-podlet",
        "useShadowDOM": True,
        "css": [{"value": "/main.css", "strategy": "shadow-dom"}],
        "files": {"/main.css": {"headers": {"content-type": "text/css"}, "body": STYLE}},
        "proxy": [{"name": "more", "target": "/"}],
        "api": {"/answer": "answer"},
        "fallback": "/fallback",
        "html": f"<p>one</p>{FORM}",
        # Its slot's name, which is no custom element's.
        "extend": {"name": "guest"},
    }
    [started] = podium.start(variant)
    yield started
    podium.stop(started)


def again(page: Page) -> None:
    page.evaluate(
        'document.querySelector("#slot-history").dispatchEvent(new Event("mullion:refetch", { bubbles: true }))'
    )


def wait_for_words(page: Page, words: str) -> None:
    page.wait_for_function(f"(words) => ({INSIDE})().words === words", arg=words)


@pytest.mark.parametrize("trust", ["first-party", pytest.param("sandboxed", marks=pytest.mark.full)])
def test_root_of_a_podlet_is_there_from_the_stream_and_after_each_swap(
    slow: SlowHouse, page: Page, guest: Started, podium: Podium, trust: str
) -> None:
    """Styled by its own stylesheet, in the page's tree and in a root of the slot; typing in it is not taken away."""
    slow.publish(guest.manifest_url, trust=trust)
    page.goto(f"{slow.url}/history/")
    wait_for_words(page, "one")
    seen = {"own": trust == "sandboxed", "tag": "my-podlet" if trust == "first-party" else "span"}
    assert page.evaluate(INSIDE) == {**seen, "words": "one", "color": "rgb(1, 2, 3)"}
    podium.change(guest, html=f"<p>two</p>{FORM}")
    again(page)
    wait_for_words(page, "two")
    assert page.evaluate(INSIDE) == {**seen, "words": "two", "color": "rgb(1, 2, 3)"}
    page.locator("#slot-history input[name=note]").fill("typed")
    podium.change(guest, html=f"<p>three</p>{FORM}")
    again(page)
    page.wait_for_timeout(700)
    assert page.evaluate(INSIDE)["words"] == "two"
    page.locator("#slot-history input[name=note]").fill("")
    page.locator("h1").first.click()
    wait_for_words(page, "three")


def test_podlet_with_a_root_heals_in_its_place(slow: SlowHouse, page: Page, guest: Started, podium: Podium) -> None:
    """What the fallback's place gets by a retry is the root as well, and its form is enhanced like any other."""
    slow.publish(guest.manifest_url, trust="first-party")
    podium.change(guest, pages={"/": {"status": 503}})
    page.goto(f"{slow.url}/history/")
    page.wait_for_selector('#slot-history[data-state="fallback"]')
    podium.change(guest, pages={})
    wait_for_words(page, "one")
    form = page.locator("#slot-history form")
    expect(form).to_have_attribute("hx-target", "global #slot-history")
    expect(form).to_have_attribute("hx-post", re.compile("/more/answer$"))
