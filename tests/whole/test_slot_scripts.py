"""How a page runs the scripts of its fragments, in Chromium, on a page with nothing else."""

import json
from html import escape
from pathlib import Path

from playwright.sync_api import Page, Route

STATIC = Path(__file__).parents[2] / "static"
PAGE = """<!doctype html><fragment-slot slot="slip" data-modules="/fragment.js"></fragment-slot><script type="module">
  import { runScripts } from "/slots/scripts.js";
  window.run = (signal) => {
    const slot = document.querySelector("fragment-slot");
    return runScripts({ slot, root: slot, signal });
  };
</script>"""
FRAGMENT = """window.loaded = (window.loaded ?? 0) + 1;
  let chosen = "";
  export default function mount(root, { signal }) {
    (window.mounts ??= []).push(chosen);
    chosen ||= `chosen at mount ${window.mounts.length}`;
  }"""

READERS = {
    "classic.js": "(window.seen ??= []).push(document.currentScript.dataset.site);",
    "module.js": """const own = [...document.scripts].find((each) => each.src === import.meta.url);
        seen.push(own.dataset.site, own.type); if (seen.length > 3) throw new Error("it can not run twice");""",
    "mount.js": """export function mount() {
        seen.push([...document.scripts].find((each) => each.src === import.meta.url).dataset.site);
      }""",
}
DATA = {"/classic.js": {"data-site": 'a "b" <c>'}, "/module.js": {"data-site": "m", "onclick": "x", "src": "/x.js"}}
DATA |= {"/mount.js": {"data-site": "mounted"}}
WITH_DATA = PAGE.replace(
    'data-modules="/fragment.js"',
    f'data-scripts="/classic.js" data-modules="/module.js /mount.js" data-script-data="{escape(json.dumps(DATA))}"',
)


def serve(route: Route) -> None:
    path = route.request.url.split("//", 1)[1].split("/", 1)[1].split("?")[0]
    if not path:
        route.fulfill(content_type="text/html", body=WITH_DATA if "data" in route.request.url else PAGE)
    elif path == "fragment.js" or path in READERS:
        route.fulfill(content_type="text/javascript", body=READERS.get(path, FRAGMENT))
    else:
        route.fulfill(content_type="text/javascript", body=(STATIC / path).read_text())


def test_script_that_was_asked_for_twice_before_it_came_remembers_in_one_place(page: Page) -> None:
    """Content that is replaced while its script loads: the script is loaded once, and not run for what is gone."""
    page.route("**/*", serve)
    page.goto("http://page.test/")
    page.wait_for_function("() => window.run")
    mounts = page.evaluate(
        """async () => {
          const gone = new AbortController();
          const runs = [run(gone.signal), run(new AbortController().signal)];
          gone.abort();
          await Promise.all(runs);
          await run(new AbortController().signal);
          return [window.loaded, window.mounts];
        }"""
    )
    assert mounts == [1, ["", "chosen at mount 1"]]


def test_script_reads_the_data_that_its_manifest_gives_it(page: Page) -> None:
    """A classic one of `document.currentScript`, a module by its own address, each run anew; one element a script
    stays, and has nothing but `data-…` of it. What throws when it runs again is no error of the page."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route("**/*", serve)
    page.goto("http://page.test/?data")
    page.wait_for_function("() => window.run")
    seen = page.evaluate(
        """async () => {
          await run(new AbortController().signal);
          await run(new AbortController().signal);
          const elements = [...document.head.querySelectorAll("script[data-site]")];
          return [window.seen, elements.map((each) => [each.getAttribute("src"), each.getAttributeNames().length])];
        }"""
    )
    first, again = ['a "b" <c>', "m", "module", "mounted"], ['a "b" <c>', "m", "module", "mounted"]
    elements = [["/mount.js", 3], ["/classic.js", 2], ["/module.js?run=2", 3]]
    assert seen == [[*first, *again], elements]
    assert errors == []


def test_data_of_a_link_is_no_address_of_a_stylesheet(page: Page) -> None:
    """Before a swap the page waits for the stylesheets that an answer links, and for nothing else."""
    page.route("**/*", serve)
    page.goto("http://page.test/")
    named = page.evaluate(
        """async () => (await import("/slots/styles.js")).newStyles(
          '<link href="/assets/a.css" rel="stylesheet" data-href="/assets/b.css">' +
          '<link rel="stylesheet" href="/assets/c.css?x=1&amp;y=2" media="print" data-rel="stylesheet">' +
          '<link rel="preload" href="/assets/d.css" data-rel="stylesheet">')"""
    )
    assert named == ["/assets/a.css", "/assets/c.css?x=1&y=2"]
