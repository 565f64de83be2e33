"""The catalogue's script in a browser, with answers of the shell that a test delays, changes or drops."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.lobby import wait_for
from tests.support.mullion import ROOT

ORIGIN = "http://games.test"
FILES = {"/games.js": ROOT / "fragments/games/static/games.js", "/address.js": ROOT / "static/slots/address.js"}
PAGE = """<!doctype html><title>Games</title>
<fragment-slot slot="catalogue" hx-get="/slots/games/catalogue?attempt=1"></fragment-slot>
<script type="module">
import mount from "/games.js";
import { askFor, keepQuestion } from "/address.js";
const slot = document.querySelector("fragment-slot");
const root = slot.attachShadow({ mode: "open" });
root.innerHTML = `<header class="top"><h2>All games</h2></header>
<form class="filters" data-prefix="/slots/games/catalogue"><label for="s">Search</label>
<input id="s" type="search" name="catalogue.search"><select name="catalogue.sort"><option value="best">Best</option>
<option value="rtp">Return</option></select><p class="unanswered" data-words="No answer came."></p>
<p class="answered"></p></form>
<div class="found"><form class="acts"></form><p class="name">Every game</p></div>`;
document.addEventListener("mullion:query", (event) => askFor(event.target, event.detail.query));
window.keepQuestion = keepQuestion;
mount(root, { signal: new AbortController().signal });
</script>"""
ANSWER = """<fragment-slot slot="catalogue"><template shadowrootmode="open">
<header class="top"><h2>“{0}”</h2><p>3 games</p></header>
<div class="found"><form class="acts"></form><p class="name">Game of {0}</p></div>{1}</template></fragment-slot>"""
WHOLE = "<fragment-end></fragment-end>"
# The fragment's answer while the games can not be read.
LISTLESS = """<fragment-slot slot="catalogue"><template shadowrootmode="open"><header class="top"><h2>“x”</h2></header>
<div class="found"><div class="choices" aria-hidden="true"></div></div>
<fragment-end></fragment-end></template></fragment-slot>"""


@pytest.fixture
def page(reused_page: Page) -> Page:
    return reused_page


class Shell:
    """Answers the page's requests; searches in `held` wait, and those in `failing` are answered without a slot."""

    def __init__(self, page: Page) -> None:
        self.held: dict[str, list[Route]] = {}
        self.failing: dict[str, str] = {}
        page.route(f"{ORIGIN}/**", self._answer)

    def _answer(self, route: Route) -> None:
        path, _, query = route.request.url.removeprefix(ORIGIN).partition("?")
        if path in FILES:
            route.fulfill(body=FILES[path].read_text("utf-8"), content_type="text/javascript")
        elif path.startswith("/slots/"):
            if query in self.held:
                self.held[query].append(route)
            else:
                self.give(route, query)
        else:
            route.fulfill(body=PAGE, content_type="text/html")

    def give(self, route: Route, query: str) -> None:
        words = re.sub(r".*search=([^&]*).*", r"\1", query)
        body = self.failing.get(query, ANSWER.format(words, WHOLE))
        route.fulfill(body=body, content_type="text/html; charset=utf-8")


@pytest.fixture
def shell(page: Page) -> Shell:
    made = Shell(page)
    page.goto(f"{ORIGIN}/games/?wallet.receipt=rc_1")
    expect(page.locator("[name=in_place]")).to_have_count(1)
    return made


def test_search_answers_while_it_is_typed(page: Page, shell: Shell) -> None:
    """Title and list follow the typed words, the field keeps its focus, the addresses of the page and of the slot are
    those of the search, and nothing of another slot's parameters is lost."""
    box = page.get_by_label("Search")
    box.press_sequentially("lan")
    expect(page.locator(".name")).to_have_text("Game of lan")
    expect(page.get_by_role("heading", name="“lan”")).to_be_visible()
    expect(page.locator(".answered")).to_have_text("“lan”3 games")
    expect(box).to_be_focused()
    expect(page).to_have_url(f"{ORIGIN}/games/?wallet.receipt=rc_1&catalogue.search=lan")
    slot = page.locator("fragment-slot")
    expect(slot).to_have_attribute("hx-get", "/slots/games/catalogue?attempt=1&catalogue.search=lan")
    expect(page.locator("[name=in_place]")).to_have_count(1)  # hearts of results are set in place, too
    page.locator("select").select_option("rtp")
    expect(page).to_have_url(re.compile(r"catalogue\.search=lan&catalogue\.sort=rtp$"))
    script = (
        "(s) => { const a = s.cloneNode(); a.setAttribute('hx-get', '/slots/games/catalogue?catalogue.receipt=rc_2');"
    )
    script += "window.keepQuestion(s, a); return a.getAttribute('hx-get') }"
    answer = "/slots/games/catalogue?catalogue.receipt=rc_2&catalogue.search=lan&catalogue.sort=rtp"
    assert slot.evaluate(script) == answer, "the answer to a form is read again as the page asks"


def test_answer_that_comes_late_is_none(page: Page, shell: Shell) -> None:
    """The results are those of the field's words, in whatever order answers come."""
    shell.held["catalogue.search=la"] = []
    box = page.get_by_label("Search")
    box.press_sequentially("la")
    wait_for(lambda: page.wait_for_timeout(50) or shell.held["catalogue.search=la"])
    box.press_sequentially("n")
    expect(page.locator(".name")).to_have_text("Game of lan")
    [late] = shell.held["catalogue.search=la"]
    with page.expect_event("requestfinished", lambda request: request.url.endswith("search=la")):
        shell.give(late, "catalogue.search=la")
    page.evaluate("new Promise(requestAnimationFrame)")
    expect(page.locator(".name")).to_have_text("Game of lan")
    expect(page).to_have_url(re.compile("search=lan$"))


@pytest.mark.parametrize("answer", ["", "<p>Not a slot.</p>", ANSWER.format("x", ""), LISTLESS])
def test_answer_that_is_none_is_said_and_what_was_found_stays(page: Page, shell: Shell, answer: str) -> None:
    """Until a complete answer comes, without typing again."""
    shell.failing["catalogue.search=x"] = answer
    box = page.get_by_label("Search")
    box.press_sequentially("x")
    expect(page.locator(".unanswered")).to_have_text("No answer came.")
    expect(page.locator(".name")).to_have_text("Every game")
    assert "search" not in page.url
    del shell.failing["catalogue.search=x"]
    expect(page.locator(".name")).to_have_text("Game of x")
    expect(page.locator(".unanswered")).to_have_text("")
    box.press_sequentially("y")
    expect(page.locator(".name")).to_have_text("Game of xy")
