"""Files between a browser and a podlet, in Chromium: what a person chooses goes there, its own pictures come."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.lobby import reload_until
from tests.support.podium.rig import Podium, Started
from tests.support.signed_in import signed_in
from tests.support.slow_house import SlowHouse

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="red"/></svg>'
HTML = """<div id="app"><img id="today" src="/pictures/today.svg" alt="" width="8" height="8">
<form action="api/received/form" method="post" enctype="multipart/form-data">
<label>File <input type="file" name="file"></label> <input type="hidden" name="word" value="with it">
<button>Send</button></form></div>"""
# As a podlet's author writes it: the file by the script of the page, to the fragment's own API.
SCRIPT = """export function mount(root) {
  const slot = document.querySelector("#slot-history"), input = root.querySelector("input[type=file]");
  input?.addEventListener("change", async () => {
    const body = new FormData();
    body.append("picked", input.files[0]);
    const answer = await fetch(`${slot.dataset.prefix}/api/echo/script`, { method: "POST", body });
    window.echoed = await answer.json();
  });
}"""


@pytest.fixture
def guest(podium: Podium) -> Iterator[Started]:
    files = {
        "/main.js": {"headers": {"content-type": "text/javascript"}, "body": SCRIPT},
        "/pictures/today.svg": {"headers": {"content-type": "image/svg+xml"}, "body": PICTURE},
    }
    variant = {
        "name": "guest",
        "js": [{"value": "/main.js", "type": "module"}],
        "files": files,
        "html": HTML,
        "proxy": [{"name": "api", "target": "/"}],
        "api": {"/received{/*rest}": "received", "/echo{/*rest}": "echo"},
        "extend": {"mullion": {"static": ["/pictures"]}},
    }
    [started] = podium.start(variant)
    yield started
    podium.stop(started)


def test_file_that_a_person_chooses_reaches_the_podlet_and_its_picture_the_page(
    slow: SlowHouse, page: Page, browser: Browser, guest: Started, tmp_path: Path
) -> None:
    """By a script through the podlet's own API, by its form in place, and by its form without any script."""
    chosen = tmp_path / "proof of address.txt"
    chosen.write_text("12 Harbour Road\n" * 2000)
    slow.publish(guest.manifest_url, trust="first-party")
    session = [{"name": name, "value": value, "url": slow.url} for name, value in signed_in(slow.url).items()]
    page.context.add_cookies(session)
    page.goto(f"{slow.url}/history/")
    page.wait_for_selector("#slot-history[data-state=fresh] #today")
    shown = "document.querySelector('#today')"
    page.wait_for_function(f"() => {shown}.complete && {shown}.naturalWidth === 8")
    assert page.evaluate(f"new URL({shown}.src).pathname").startswith("/assets/guest/at-")

    page.wait_for_function("() => document.querySelector('#app form').hasAttribute('hx-post')")
    page.set_input_files("#app input[type=file]", chosen)
    page.wait_for_function("() => window.echoed")
    echoed = page.evaluate("window.echoed")
    assert echoed["bytes"] > chosen.stat().st_size
    assert 'name="picked"; filename="proof of address.txt"' in echoed["body"]
    assert "12 Harbour Road" in echoed["body"]

    page.get_by_role("button", name="Send").click()
    expect(page.locator("#app .received")).to_contain_text("12 Harbour Road")
    words = page.locator("#app .received").inner_text()
    assert 'filename="proof of address.txt"' in words
    assert "with it" in words

    scriptless = browser.new_context(java_script_enabled=False)
    try:
        scriptless.add_cookies(session)
        plain = scriptless.new_page()
        plain.goto(f"{slow.url}/history/")
        reload_until(plain.locator("#app input[type=file]")).set_input_files(chosen)
        plain.get_by_role("button", name="Send").click()
        expect(plain.locator("#app .received")).to_contain_text("12 Harbour Road")
        assert plain.locator("page-layout").count() == 1
    finally:
        scriptless.close()
