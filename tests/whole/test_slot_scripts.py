"""How a page runs the scripts of its fragments, in Chromium, on a page with nothing else."""

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


def serve(route: Route) -> None:
    path = route.request.url.split("//", 1)[1].split("/", 1)[1].split("?")[0]
    if not path:
        route.fulfill(content_type="text/html", body=PAGE)
    elif path == "fragment.js":
        route.fulfill(content_type="text/javascript", body=FRAGMENT)
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
