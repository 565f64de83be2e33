"""A body without anything visible does not count as fresh, unless a script or a style will draw something."""

import msgspec
import pytest

from bff.contracts.manifest import parse
from shell.composition.body import is_empty, links_of
from shell.composition.contain import Contained, contain
from shell.composition.release import Release, Trust

pytestmark = pytest.mark.quick
TRUSTED, NEW = Trust.FIRST_PARTY, Trust.SANDBOXED
CARD = '<x-card><template shadowrootmode="open"><style>p {}</style></template></x-card>'


def empty(html: str, trust: Trust, *, css: tuple[str, ...] = (), js: tuple[str, ...] = ()) -> bool:
    manifest = parse(msgspec.json.encode({"name": "card", "version": "1"}))
    release = Release("card", "1", manifest, "http://x.test/manifest.json", b"", css=css, js=js, trust=trust)
    made = contain(
        html.encode(),
        "text/html",
        prefix="/slots/lobby/card",
        isolation=release.isolation,
        links=links_of(release),
        sandboxed=release.sandboxed,
    )
    assert isinstance(made, Contained)
    return is_empty(release, made)


@pytest.mark.parametrize("trust", [TRUSTED, NEW])
@pytest.mark.parametrize("html", ["", "<p></p>", CARD, "<script>draw()</script><div id=app></div>", "<div hidden>x"])
def test_blank_body_is_empty(html: str, trust: Trust) -> None:
    """A layout would show it as a hole in the page."""
    assert empty(html, trust)
    assert not empty(html + "words", trust) or html.startswith("<div hidden")


def test_what_a_script_draws_is_not_empty() -> None:
    """As long as it runs: no page runs the script of a fragment that is not trusted."""
    app = '<div id="app"></div>'
    assert not empty(app, TRUSTED, js=("a.js",))
    assert not empty('<b data-live="tables.r1#seats"></b>', TRUSTED)
    assert not empty('<p hx-get="/slots/lobby/card/more" hx-trigger="load"></p>', TRUSTED)
    assert empty(app, NEW, js=("a.js",))
    assert empty('<b data-live="tables.r1#seats"></b>', NEW)
    assert empty("<!-- nothing -->", TRUSTED, js=("a.js",))


def test_what_a_stylesheet_draws_is_not_empty() -> None:
    """Unless more stood there than what is left."""
    assert not empty('<div class="banner"></div>', NEW, css=("a.css",))
    assert empty('<div class="banner"><style>p {}</style></div>', NEW, css=("a.css",))
    assert empty("<!-- nothing -->", NEW, css=("a.css",))
