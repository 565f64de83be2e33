"""A fragment that nobody trusts, in Chromium: whatever it tries, the page and its player are safe."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Request

from tests.support.podium.rig import Podium, Started
from tests.support.slow_house import SlowHouse

# What a script with the page's rights can do: all of these happen where the fragment is trusted.
MODULE = """
document.documentElement.dataset.guest = "was here";
const form = new URLSearchParams({ amount: "100.00", idempotency_key: "guest-0123456789" });
fetch("/slots/history/wallet/form/deposit?guest", { method: "POST", body: form, headers: { "HX-Request": "true" } });
fetch("/cashier/?guest");
fetch("/live/ticket?guest");
setTimeout(() => location.assign("/limits/?guest"), 300);
"""
EVERYWHERE = "position: fixed !important; inset: -9999px !important; z-index: 2147483647 !important"
STYLE = f"""
:host {{ {EVERYWHERE}; contain: none !important; overflow: visible !important; margin: -9999px !important }}
.cover {{ {EVERYWHERE}; background: rgb(255 0 0 / 0.5); display: block !important }}
"""
HTML = """
<p class="words">Guest's own words</p><a class="cover" href="/limits/">Free spins</a>
<div popover class="cover">top</div><dialog open class="cover">over</dialog>
<p hx-get="/slots/history/history" hx-trigger="load">x</p><meta http-equiv="refresh" content="0;url=/limits/?guest">
"""
# Buttons and links of the page and of its other slots whose middle is not their own.
COVERED = """() => {
  const roots = [document, ...[...document.querySelectorAll("*")].map((each) => each.shadowRoot).filter(Boolean)];
  const guest = document.querySelector("#slot-history");
  const every = roots.flatMap((root) => [...root.querySelectorAll("a, button, input")]);
  return every.filter((each) => {
    if (guest.contains(each) || each.getRootNode().host === guest) return false;
    const box = each.getBoundingClientRect();
    if (!box.width || box.bottom < 0 || box.top > innerHeight) return false;
    return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === guest;
  }).map((each) => each.outerHTML);
}"""


@pytest.fixture(scope="module")
def guest(podium: Podium) -> Iterator[Started]:
    files = {
        "/main.js": {"headers": {"content-type": "text/javascript"}, "body": MODULE},
        "/main.css": {"headers": {"content-type": "text/css"}, "body": STYLE},
    }
    css, js = [{"value": "/main.css"}], [{"value": "/main.js", "type": "module"}]
    [started] = podium.start({"name": "guest", "css": css, "js": js, "html": HTML, "files": files})
    yield started
    podium.stop(started)


def requests_of(slow: SlowHouse, page: Page) -> list[str]:
    """Opens the guest's page; what the guest asks for is added as it happens."""
    requested: list[str] = []

    def note(request: Request) -> None:
        if "guest" in request.url and "/assets/" not in request.url:
            requested.append(f"{request.method} {request.url.removeprefix(slow.url)}")

    page.on("request", note)
    page.goto(f"{slow.url}/history/", wait_until="commit")
    return requested


def test_script_of_a_trusted_fragment_can_do_what_the_page_can(slow: SlowHouse, page: Page, guest: Started) -> None:
    """So it is an operator's word that lets it in; without this the next test would prove nothing."""
    slow.publish(guest.manifest_url, trust="first-party")
    requested = requests_of(slow, page)
    page.wait_for_url("**/limits/?guest")  # it leaves as soon as it can: its slot is not waited for
    assert sorted(requested) == [
        "GET /cashier/?guest",
        "GET /limits/?guest",
        "GET /live/ticket?guest",
        "POST /slots/history/wallet/form/deposit?guest",
    ]


def test_sandboxed_fragment_does_nothing_and_covers_nothing(slow: SlowHouse, page: Page, guest: Started) -> None:
    """No deposit, no look at the cashier, no ticket, no other page, and every button is where it was."""
    slow.publish(guest.manifest_url, trust="sandboxed")
    requested = requests_of(slow, page)
    page.wait_for_selector('#slot-history[data-state="fresh"]')
    page.wait_for_timeout(1500)
    assert requested == []
    assert page.url == f"{slow.url}/history/"
    assert page.evaluate("document.documentElement.dataset.guest") is None
    assert page.locator("#slot-history .words").inner_text() == "Guest's own words"
    assert page.evaluate(COVERED) == []
    top = page.evaluate(
        "document.querySelector('#slot-history').shadowRoot.querySelectorAll(':modal, :popover-open').length"
    )
    assert top == 0
