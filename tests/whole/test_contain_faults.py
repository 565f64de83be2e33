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


@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("bodies", [LEFT_OPEN, ENDS, HEAD], ids=["left open", "ends", "head"])
def test_unclosed_and_closing_markup_is_contained(judge: Judge, bodies: dict[str, str], isolation: Isolation) -> None:
    """Whatever a body leaves open or closes too often, the page around it is intact."""
    assert judge.live(left(bodies, isolation), isolation) == ""
    assert judge.reached_out == []


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_same_markup_breaks_a_page_when_it_is_not_contained(judge: Judge, isolation: Isolation) -> None:
    """The row can fail: put in unchanged, most of these bodies break something."""
    raw = {name: page_of([html], isolation, dressed=True) for name, html in (LEFT_OPEN | ENDS).items()}
    assert len(judge.pages(raw, isolation)) >= 6


def test_plaintext_is_refused() -> None:
    """A body with an element that can not be closed is refused, and the ladder's next rung is shown."""
    assert isinstance(put(LEFT_OPEN["plaintext"], "shadow"), Refusal)


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_duplicate_ids_leave_siblings_alone(judge: Judge, isolation: Isolation) -> None:
    """Ids that a sibling has too, or that a body has twice, change no sibling."""
    ids = ("slot-one", "slot-three", "main", "notice", "a", "a", "a")
    bodies = {"ids": "".join(f'<p id="{name}">in</p>' for name in ids)}
    assert judge.live(left(bodies, isolation), isolation) == ""


def test_star_style_and_fixed_overlay_stay_in_their_slot(judge: Judge) -> None:
    """A declared stylesheet that hits everything and covers everything changes nothing outside its slot."""
    page = page_of(['<p class="bar">over</p><button>all</button>'], "shadow", dressed=True)
    overlaid = page.replace('<link rel="stylesheet" href="/assets/c">', f"<style>{OVERLAY}</style>")
    assert judge.pages({"overlay": overlaid}, "shadow") == {}


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_inline_code_and_foreign_targets_are_removed(judge: Judge, isolation: Isolation) -> None:
    """Inline scripts and styles, handlers and foreign targets are gone, and nothing reaches out."""
    bodies = left(INLINE, isolation)
    for body in bodies:
        assert re.search(r"ran\(|evil|style|javascript", body.html) is None
    assert judge.live(bodies, isolation) == ""
    assert judge.reached_out == []


def open_raw(page: Page, body: str, config: str, headers: dict[str, str]) -> list[str]:
    """The page with `body` put in unchanged and htmx on it, pressed if it can be; yields the requests as they
    happen."""
    requested: list[str] = []
    html = page_of([body], "light", dressed=False)
    html = html.replace("</head>", f'{config}<script src="/static/{HTMX.name}"></script></head>', 1)
    html = html.replace("</header>", '<button id="own" hx-get="/own" hx-swap="none">own</button></header>', 1)

    def answer(route: Route) -> None:
        requested.append(route.request.url)
        if route.request.url == f"{ORIGIN}/":
            route.fulfill(body=html, content_type="text/html", headers=headers)
        elif route.request.url.startswith(f"{ORIGIN}/static/"):
            route.fulfill(path=HTMX, content_type="text/javascript")
        else:
            route.fulfill(status=404, body="", headers={"access-control-allow-origin": "*"})

    page.add_init_script("window.times = 0; window.ran = () => { top.times += 1 }")
    page.route("**/*", answer)
    page.goto(f"{ORIGIN}/")
    for _ in range(200):  # until htmx has started, or the test would prove nothing
        page.locator("#own").dispatch_event("click")
        page.wait_for_timeout(50)
        if f"{ORIGIN}/own" in requested:
            break
    assert f"{ORIGIN}/own" in requested
    if 'id="press"' in html:
        page.evaluate("document.getElementById('press').click()")
    page.wait_for_timeout(100)
    return requested


def foreign(requested: list[str]) -> list[str]:
    return [url for url in requested if "evil" in url]


# The policy allows styles in attributes, since containment writes them from an allow-list; only containment protects
# here.
@pytest.mark.parametrize("name", [name for name in INLINE if name != "style attribute"])
def test_inline_code_that_slipped_through_is_inert(page: Page, name: str) -> None:
    """With the shell's own headers and htmx settings the same bodies, put in unchanged, run nothing and reach
    nothing."""
    assert foreign(open_raw(page, INLINE[name], CONFIG, dict(header_list()))) == []
    assert page.url == f"{ORIGIN}/"
    assert page.evaluate("[window.times, getComputedStyle(document.querySelector('header')).display]") == [0, "block"]
    assert page.evaluate("document.elementFromPoint(20, 20).closest('header') !== null")


@pytest.mark.parametrize("name", ["handler", "hx-on", "hx-get", "hx-post"])
def test_same_code_works_where_nothing_forbids_it(page: Page, name: str) -> None:
    """The row can fail: without those headers and settings the bodies run, or reach another origin."""
    lax = """<meta name="htmx-config" content='{"selfRequestsOnly": false}'>"""
    requested = open_raw(page, INLINE[name], lax, {})
    wait_for(lambda: foreign(requested) or page.evaluate("window.times") > 0, describe=lambda: requested)
