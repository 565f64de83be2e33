"""A podlet's own scripts and files, in Chromium: they run with its content, in order, and again when it comes anew."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.podium.rig import Podium, Started
from tests.support.slow_house import SlowHouse

WORDS = 'document.querySelector("#app").textContent'
SCRIPTS = {
    "/js/first.js": f"""var ran = window.ran ?? []; ran.push('first: ' + {WORDS});
        var classicSite = document.currentScript.dataset.site;""",
    # Written for the head of a page, and with a name that can not be declared twice.
    "/js/once.js": """const declared = "once"; ran.push(declared);
        addEventListener("DOMContentLoaded", () => ran.push("window's"));
        document.addEventListener("DOMContentLoaded", () => ran.push("ready"));
        document.addEventListener("mullion:content", (event) => {
          ran.push(`content ${event.detail.run} of ${event.detail.slot}`);
        });""",
    "/js/main.js": f"""import word from './chunk.js'; ran.push(`${{word}}: ${{{WORDS}}}`);
        window.moduleSite = [...document.scripts].find((each) => each.src === import.meta.url).dataset.site;""",
    "/js/chunk.js": "export default (await import('/lib/word.js')).word;",
    "/lib/word.js": "export const word = 'module';",
    "/js/mount.js": """export function mount(root, { signal }) {
        ran.push(`mount: ${root.querySelector("#app").textContent}`);
        signal.addEventListener("abort", () => ran.push("gone"));
      }""",
    "/js/element.js": "export default class Poll extends HTMLElement {}; customElements.define('poll-chart', Poll);",
}
JS: list[dict[str, Any]] = [{"value": "/js/mount.js", "type": "module"}]
JS += [{"value": "/js/main.js", "strategy": "lazy", "data": {"site": "of a module"}}]
JS += [
    {"value": "/js/first.js", "data": {"site": 'of a "classic"'}},
    {"value": "/js/once.js"},
    {"value": "/js/element.js", "type": "module"},
]
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="red"/></svg>'
STYLES = {
    "/css/main.css": "@import './base.css'; #app { background: url(../a.svg) }",
    "/css/base.css": "#app { color: red }",
}
FAILED = """() => performance.getEntriesByType("resource")
  .filter((each) => each.responseStatus >= 400).map((each) => each.name)"""


def html(words: str) -> str:
    return f'<div id="app">{words}</div>'


@pytest.fixture
def guest(podium: Podium) -> Iterator[Started]:
    files: dict[str, Any] = {
        path: {"headers": {"content-type": "text/javascript"}, "body": body} for path, body in SCRIPTS.items()
    }
    files |= {path: {"headers": {"content-type": "text/css"}, "body": body} for path, body in STYLES.items()}
    files["/a.svg"] = {"headers": {"content-type": "image/svg+xml"}, "body": PICTURE}
    # A podlet's own package has data for scripts alone.
    extend = {"css": [{"value": "/css/main.css", "data": {"site": "of a style"}}]}
    variant = {
        "name": "guest",
        "js": JS,
        "files": files,
        "fallback": "/fallback",
        "html": html("one"),
        "extend": extend,
    }
    [started] = podium.start(variant)
    yield started
    podium.stop(started)


def answer(podium: Podium, guest: Started, words: str) -> None:
    """What its content is from now on; none without words."""
    podium.change(guest, pages={"/": html(words)} if words else {"/": {"status": 503}})


def wait_for_last(page: Page, words: str) -> None:
    page.wait_for_function("(words) => window.ran?.at(-1) === words", arg=words)


def again(page: Page) -> None:
    page.evaluate(
        'document.querySelector("#slot-history").dispatchEvent(new Event("mullion:refetch", { bubbles: true }))'
    )


def test_podlets_scripts_run_with_its_content_and_again_when_it_is_new(
    slow: SlowHouse, page: Page, guest: Started, podium: Podium
) -> None:
    """Not with the fallback; classic scripts before modules; what would throw is told; nothing is left of what went."""
    slow.publish(guest.manifest_url, trust="first-party")
    answer(podium, guest, "")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{slow.url}/history/")
    page.wait_for_selector('#slot-history[data-state="fallback"]')
    page.wait_for_timeout(300)
    assert page.evaluate("window.ran") is None
    answer(podium, guest, "one")
    wait_for_last(page, "content 1 of history")
    first = page.evaluate("ran.splice(0)")
    assert first[:2] == ["first: one", "once"]
    assert sorted(first[2:-3]) == ["ready", "window's"]
    assert first[-3:] == ["mount: one", "module: one", "content 1 of history"]
    assert errors == []
    for words in ("two", "three"):
        answer(podium, guest, words)
        again(page)
        run = {"two": 2, "three": 3}[words]
        wait_for_last(page, f"content {run} of history")
        assert page.evaluate("ran.splice(0)") == [
            "gone",
            f"first: {words}",
            f"mount: {words}",
            f"module: {words}",
            f"content {run} of history",
        ]
    assert errors == ["Identifier 'declared' has already been declared"]
    assert page.evaluate("[classicSite, moduleSite]") == ['of a "classic"', "of a module"]
    assert page.locator("#slot-history link[data-site='of a style']").count() == 1
    # Nothing is left of the runs before; what has data can be read until its next run.
    assert page.locator("head script[src*='/js/']:not([data-site])").count() == 0
    assert page.locator("head script[data-site]").count() == 2


def test_files_that_a_podlet_reaches_come_from_its_folder(slow: SlowHouse, page: Page, guest: Started) -> None:
    """Chunks, imported styles and pictures, while its origin is only asked for content; nothing fails to load."""
    slow.publish(guest.manifest_url, trust="first-party")
    page.goto(f"{slow.url}/history/")
    wait_for_last(page, "content 1 of history")
    look = 'getComputedStyle(document.querySelector("#app"))'
    assert page.evaluate(f"{look}.color") == "rgb(255, 0, 0)"
    assert page.evaluate(f"{look}.backgroundImage").endswith('/a.svg")')
    paths = page.evaluate('performance.getEntriesByType("resource").map((each) => new URL(each.name).pathname)')
    folders = {path.split("/")[3] for path in paths if path.startswith("/assets/guest/")}
    names = {"/".join(path.split("/")[4:]) for path in paths if path.startswith("/assets/guest/")}
    assert len(folders) == 1
    assert names >= {"js/chunk.js", "lib/word.js", "css/base.css", "a.svg"}
    assert page.evaluate(FAILED) == []
