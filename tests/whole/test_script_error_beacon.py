"""What scripts throw in a browser is told once for each release, and only while the page has a token for it."""

import json

import pytest
from playwright.sync_api import Page, Route

from tests.support.lobby import wait_for
from tests.support.mullion import ROOT

SITE = "http://page.test"
ONE, OTHER = "/assets/poll/" + "a" * 32 + "/", "/assets/wallet/" + "b" * 32 + "/"
THROWS = {
    f"{ONE}now.js": "throw new Error('one')",
    f"{ONE}later.js": "setTimeout(() => { throw new Error('again') })",
    f"{OTHER}promise.js": "Promise.reject(new Error('other'))",
    "/elsewhere.js": "throw new Error('nobody')",
}
START = 'import { watchScripts } from "/static/slots/script_errors.js"; watchScripts(); window.ready = true;'


@pytest.mark.parametrize(("view", "files"), [("token", [ONE, OTHER]), ("", [])])
def test_page_tells_once_for_each_release_whose_script_threw(page: Page, view: str, files: list[str]) -> None:
    """By the address of the script; what is no fragment's is nobody's, and without a trial nothing is sent."""
    beacons = []

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(SITE)
        if path == "/script-errors/":
            beacons.append(json.loads(route.request.post_data or ""))
            route.fulfill(status=204)
        elif path == "/":
            route.fulfill(content_type="text/html", body=f'<meta name="mullion-view" content="{view}">')
        elif path == "/start.js":
            route.fulfill(content_type="text/javascript", body=START)
        elif path in THROWS:
            route.fulfill(content_type="text/javascript", body=THROWS[path])
        else:
            route.fulfill(content_type="text/javascript", body=(ROOT / path[1:]).read_text("utf-8"))

    page.route("**/*", answer)
    page.goto(SITE)
    page.add_script_tag(url="/start.js", type="module")
    page.wait_for_function("window.ready")
    for path in THROWS:
        page.add_script_tag(url=path)
    wait_for(lambda: page.wait_for_timeout(50) or len(beacons) >= len(files))
    page.wait_for_timeout(200)
    assert beacons == [{"view": view, "file": file} for file in files]
