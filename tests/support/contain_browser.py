"""Contained bodies in a real browser, in pages of the shell's shape, and a judge that looks for faults in them.

Public: `Judge`, `page_of`, `contained`, `put`, `BENIGN`, `ISOLATIONS`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from playwright.sync_api import Page, Route

from shell.composition.contain import Contained, Container, LinkPolicy, Refusal
from shell.composition.contain.links import Isolation
from shell.composition.contain.sentinel import page as sentinel_page
from tests.corpus.hostile.bodies import Body

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "static"
ORIGIN = "http://mullion.test"
PREFIX = "/slots/lobby/wallet"
LINKS = LinkPolicy(origins=frozenset({"https://help.example"}), frame_origins=frozenset({"https://help.example"}))
ISOLATIONS: tuple[Isolation, Isolation] = ("shadow", "light")
BENIGN = "<p>in</p>"
BODIES_A_PAGE = 40
NUL = "\0"


def style(name: str) -> str:
    """One of the shell's own stylesheets, inline, because these pages load nothing."""
    return f"<style>{(STATIC / name).read_text()}</style>"


# Written into the head, before any body, so that a body that can run a script is reported.
PROBE = "<script data-probe>window.ran = () => parent.report(NUMBER); window.alert = window.ran</script>" + (
    style("tokens.css") + style("shell.css")
).replace("<style>", "<style data-probe>")


def page_of(htmls: Sequence[str], isolation: Isolation, *, dressed: bool) -> str:
    """The sentinel's page with one middle slot for each of `htmls`, on request with the shell's own styles."""
    one = sentinel_page(NUL, isolation)
    slot = one[one.index('<fragment-slot slot="two"') : one.index('<fragment-slot slot="three"')]
    page = one.replace(slot, "".join(slot.replace(NUL, html) for html in htmls))
    if dressed:
        page = page.replace("</head>", PROBE + "</head>", 1)
        page = page.replace('<link rel="stylesheet" href="/assets/a">', style("layout.css"), 1)
    return page


def put(html: str, isolation: Isolation) -> Contained | Refusal:
    return Container().contain(html.encode(), "text/html", prefix=PREFIX, isolation=isolation, links=LINKS)


def contained(bodies: Iterable[Body], isolation: Isolation) -> list[Body]:
    """Containment's results for `bodies`, each distinct result once; refused bodies have none."""
    found: dict[str, str] = {}
    for body in bodies:
        outcome = put(body.html, isolation)
        if isinstance(outcome, Contained):
            found.setdefault(outcome.html.decode(), body.name)
    return [Body(name, html) for html, name in found.items()]


class Judge:
    """Judges bodies in `page`. `requested` has every URL that the page requested; only the judge's own exist."""

    def __init__(self, page: Page) -> None:
        self.requested: list[str] = []
        self._page = page
        page.route("**/*", self._answer)
        page.set_default_timeout(60_000)
        page.goto(f"{ORIGIN}/")
        page.add_script_tag(content=(HERE / "contain_judge.js").read_text())

    @property
    def reached_out(self) -> list[str]:
        """The requested URLs other than the shell's own copies."""
        return [url for url in self.requested if not url.startswith(f"{ORIGIN}/assets/")]

    def parsed(self, bodies: Sequence[Body], isolation: Isolation) -> str:
        """The faults that parsing alone shows, one line each."""
        return self._faults("judgeParsed", bodies, isolation)

    def live(self, bodies: Sequence[Body], isolation: Isolation) -> str:
        """The faults in live documents with scripts and layout, one line each."""
        return self._faults("judgeLive", bodies, isolation)

    def pages(self, pages: dict[str, str], isolation: Isolation) -> dict[str, list[str]]:
        """The faults of whole live pages, by name; the content of their slots is not judged."""
        control = page_of([BENIGN], isolation, dressed=True)
        cases = [{"name": name, "page": page, "htmls": None} for name, page in pages.items()]
        return {one["name"]: one["faults"] for one in self._ask("judgeLive", control, cases)}

    def _faults(self, how: str, bodies: Sequence[Body], isolation: Isolation) -> str:
        """Many bodies share a page; only if such a page has a fault is each body judged alone."""
        dressed = how == "judgeLive"
        control = page_of([BENIGN], isolation, dressed=dressed)

        def ask(groups: Iterable[Sequence[Body]]) -> list[str]:
            cases = []
            for group in groups:
                htmls = [body.html for body in group]
                cases.append(
                    {"name": group[0].name, "page": page_of(htmls, isolation, dressed=dressed), "htmls": htmls}
                )
            return [f"{one['name']}: {', '.join(one['faults'])}" for one in self._ask(how, control, cases)]

        together = ask(bodies[at : at + BODIES_A_PAGE] for at in range(0, len(bodies), BODIES_A_PAGE))
        return "" if not together else "\n".join([*ask([body] for body in bodies), *together])

    def _ask(self, how: str, control: str, cases: list[dict[str, object]]) -> list[dict[str, list[str]]]:
        return list(self._page.evaluate(f"([control, cases]) => {how}(control, cases)", [control, cases]))

    def _answer(self, route: Route) -> None:
        if route.request.url == f"{ORIGIN}/":
            route.fulfill(body="<!doctype html><title>judge</title>", content_type="text/html")
        else:
            self.requested.append(route.request.url)
            route.fulfill(status=404, body="")
