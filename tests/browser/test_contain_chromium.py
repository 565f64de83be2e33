"""A real browser's verdict on contained bodies: the shell stands, no script ran, siblings look and work the same."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from playwright.sync_api import Page, Route

from shell.composition.contain import Contained, Container, LinkPolicy
from shell.composition.contain.links import Isolation
from shell.composition.contain.sentinel import page as sentinel_page
from tests.corpus.hostile.bodies import BODY, Body, built, written

ROOT = Path(__file__).parents[2]
ORIGIN = "http://mullion.test"
PREFIX = "/slots/lobby/wallet"
LINKS = LinkPolicy(origins=frozenset({"https://help.example"}))
ISOLATIONS: tuple[Isolation, Isolation] = ("shadow", "light")
BENIGN = "<p>in</p>"

BODIES_A_PAGE = 40

Case = dict[str, object]


def style(name: str) -> str:
    return f"<style>{(ROOT / 'static' / name).read_text()}</style>"


# Written into the head, before any body: a body that can run a script tells on itself.
PROBE = "<script data-probe>window.ran = () => parent.told(NUMBER); window.alert = window.ran</script>" + (
    style("tokens.css") + style("shell.css")
).replace("<style>", "<style data-probe>")


def page_of(htmls: Sequence[str], isolation: Isolation, *, dressed: bool) -> str:
    """The sentinel's page with one middle slot for each of `htmls`; dressed in the shell's own styles if asked."""
    one = sentinel_page("\0", isolation)
    start = one.index('<fragment-slot slot="two"')
    slot = one[start : one.index('<fragment-slot slot="three"')]
    page = one.replace(slot, "".join(slot.replace("\0", html) for html in htmls))
    if dressed:
        page = page.replace("</head>", PROBE + "</head>", 1)
        page = page.replace('<link rel="stylesheet" href="/assets/a">', style("layout.css"), 1)
    return page


def contained(bodies: Iterable[Body], isolation: Isolation) -> list[Body]:
    """What is left of `bodies`, each distinct outcome once."""
    container = Container()
    found: dict[str, str] = {}
    for body in bodies:
        put = container.contain(body.html.encode(), "text/html", prefix=PREFIX, isolation=isolation, links=LINKS)
        if isinstance(put, Contained):
            found.setdefault(put.html.decode(), body.name)
    return [Body(name, html) for html, name in found.items()]


def faults(judge: Page, how: str, bodies: Sequence[Body], isolation: Isolation) -> str:
    """What the judge finds, a line each. Many share a page; only where such a page has a fault each is judged alone."""
    dressed = how == "judgeLive"
    control = page_of([BENIGN], isolation, dressed=dressed)

    def ask(groups: Iterable[Sequence[Body]]) -> list[str]:
        cases: list[Case] = []
        for group in groups:
            htmls = [body.html for body in group]
            page = page_of(htmls, isolation, dressed=dressed)
            cases.append({"name": group[0].name, "page": page, "htmls": htmls})
        found = judge.evaluate(f"([control, cases]) => {how}(control, cases)", [control, cases])
        return [f"{one['name']}: {', '.join(one['faults'])}" for one in found]

    together = ask(bodies[at : at + BODIES_A_PAGE] for at in range(0, len(bodies), BODIES_A_PAGE))
    return "" if not together else "\n".join([*ask([body] for body in bodies), *together])


@pytest.fixture
def judge(page: Page) -> Page:
    """An empty page that holds the judge. Whatever it is asked for besides itself is remembered and not there."""
    page.asked = []  # type: ignore[attr-defined]

    def answer(route: Route) -> None:
        if route.request.url == f"{ORIGIN}/":
            route.fulfill(body="<!doctype html><title>judge</title>", content_type="text/html")
        else:
            page.asked.append(route.request.url)  # type: ignore[attr-defined]
            route.fulfill(status=404, body="")

    page.route("**/*", answer)
    page.set_default_timeout(60_000)
    page.goto(f"{ORIGIN}/")
    page.add_script_tag(content=(Path(__file__).parent / "contain_judge.js").read_text())
    return page


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_written_bodies_are_harmless_in_a_live_page(judge: Page, isolation: Isolation) -> None:
    """Scripts on, laid out: what is left of each hand-written body leaves the shell and its siblings as they were."""
    bodies = contained(written(), isolation)
    assert len(bodies) > 250
    assert faults(judge, "judgeLive", bodies, isolation) == ""
    assert [url for url in judge.asked if not url.startswith(f"{ORIGIN}/assets/")] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_built_bodies_parse_as_checked(judge: Page, isolation: Isolation) -> None:
    """Chromium builds the tree that was checked, for every element in every odd position."""
    bodies = contained(built(), isolation)
    assert len(bodies) > 250
    assert faults(judge, "judgeParsed", bodies, isolation) == ""


def test_any_bodies_parse_as_checked(judge: Page) -> None:
    """Chromium builds the tree that was checked, for tags, ends and oddities in any order."""

    gathered: list[Body] = []

    @given(BODY)
    @settings(max_examples=400, phases=[Phase.generate], deadline=None, database=None)
    def gather(html: str) -> None:
        gathered.append(Body(html, html))

    gather()
    for isolation in ISOLATIONS:
        assert faults(judge, "judgeParsed", contained(gathered, isolation), isolation) == ""


OVERLAY = """
* { color: rgb(255, 0, 0) !important; display: block !important; position: fixed !important; inset: 0 !important;
    z-index: 2147483647 !important; background: rgb(255, 0, 0) !important; width: 9999px !important; }
:host, :host-context(body), :root, html, body { position: fixed !important; inset: 0 !important;
    opacity: 0.1 !important; z-index: 2147483647 !important; pointer-events: auto !important;
    transform: scale(50) !important; }
::slotted(*) { display: none !important; }
"""


def test_declared_style_stays_in_its_slot(judge: Page) -> None:
    """A fragment's own stylesheet that hits everything and covers everything changes nothing outside its slot."""
    body = '<p id="slot-one">over</p><p class="bar">all</p><button id="notice">of it</button>'
    control = page_of([BENIGN], "shadow", dressed=True)
    page = page_of([body], "shadow", dressed=True).replace(
        '<link rel="stylesheet" href="/assets/c">', f"<style>{OVERLAY}</style>"
    )
    case: Case = {"name": "overlay", "page": page, "htmls": None}
    assert judge.evaluate("([control, cases]) => judgeLive(control, cases)", [control, [case]]) == []


def test_judge_sees_what_raw_bodies_do(judge: Page) -> None:
    """The judge has teeth: put in as they are, such bodies run scripts, break the page and cover siblings."""
    names = (
        "scripts: a handler b",
        "scripts: a style",
        "closing: ends the slot",
        "closing: gives",
        "mutation: a noscript",
    )
    raw: list[Case] = [
        {"name": body.name, "page": page_of([body.html], "light", dressed=True), "htmls": None}
        for body in written()
        if body.name.startswith(names)
    ]
    control = page_of([BENIGN], "light", dressed=True)
    found = judge.evaluate("([control, cases]) => judgeLive(control, cases)", [control, raw])
    seen = [fault for result in found for fault in result["faults"]]
    assert seen.count("a script ran") >= 5
    assert seen.count("the shell's structure changed") >= 20
    assert any("looks different" in fault for fault in seen)
    assert any("can not be pressed" in fault for fault in seen)
