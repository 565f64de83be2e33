"""Every hostile body, and any that can be generated, is refused or made harmless."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from shell.composition.contain import Contained, Container, LinkPolicy
from shell.composition.contain.links import Isolation
from shell.composition.contain.sentinel import SENTINELS, survives
from tests.corpus.hostile.bodies import BODY, built, written

pytestmark = pytest.mark.quick

PREFIX = "/slots/lobby/wallet"
LINKS = LinkPolicy(origins=frozenset({"https://help.example"}))
BOTH: tuple[Isolation, Isolation] = ("shadow", "light")

FORBIDDEN_TAGS = frozenset(
    {"script", "style", "link", "meta", "base", "title", "html", "head", "body", "frameset", "frame", "iframe",
     "object", "embed", "applet", "math", "plaintext", "xmp", "noembed", "noframes", "slot", "fragment-slot",
     "fragment-end", "foreignobject", "animate", "set", "page-layout"}
)  # fmt: skip
FORBIDDEN_ATTRIBUTES = frozenset(
    {"style", "srcdoc", "ping", "autofocus", "accesskey", "popover", "nonce", "is", "background", "shadowrootmode",
     "hx-swap-oob", "hx-boost", "hx-vars", "hx-headers", "hx-ext", "data-mullion-x"}
)  # fmt: skip
OWN_ONLY = frozenset({"action", "formaction", "hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete", "data-hx-post"})


class Inspector(HTMLParser):
    """A second, simpler opinion: the standard library's parser lists every tag that the written HTML holds."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.in_drawing = False

    def handle_endtag(self, tag: str) -> None:
        self.in_drawing = self.in_drawing and tag != "svg"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_drawing = tag == "svg" or self.in_drawing
        if tag in FORBIDDEN_TAGS and not (tag == "title" and self.in_drawing):
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            text = (value or "").strip().lower()
            if name.startswith(("on", "hx-on", "data-hx-on")) or name in FORBIDDEN_ATTRIBUTES:
                self.faults.append(f"{name} of <{tag}>")
            if name in OWN_ONLY and not (text == PREFIX or text.startswith(f"{PREFIX}/")):
                self.faults.append(f"{name}={text} of <{tag}>")
            if name in {"href", "src", "xlink:href", "poster"} and ("javascript:" in text or text.startswith("//")):
                self.faults.append(f"{name}={text} of <{tag}>")

    def handle_comment(self, data: str) -> None:
        self.faults.append("a comment")

    def handle_decl(self, decl: str) -> None:
        self.faults.append("a declaration")

    def handle_pi(self, data: str) -> None:
        self.faults.append("an instruction")


def judge(html: str, isolation: Isolation) -> None:
    contained = Container().contain(html.encode(), "text/html", prefix=PREFIX, isolation=isolation, links=LINKS)
    if not isinstance(contained, Contained):
        return
    out = contained.html.decode()
    assert survives(out, isolation) == out
    assert survives(out, isolation, scripting=True) == out
    inspector = Inspector()
    inspector.feed(out)
    assert inspector.faults == []
    again = Container().contain(contained.html, "text/html", prefix=PREFIX, isolation=isolation, links=LINKS)
    assert isinstance(again, Contained)


def test_corpus_is_large() -> None:
    """At least 300 bodies are written by hand, no two of them alike."""
    bodies = written()
    assert len({body.html for body in bodies}) == len(bodies) >= 300


@pytest.mark.parametrize("isolation", BOTH)
@pytest.mark.parametrize("body", written(), ids=lambda body: body.name)
def test_written_body_is_contained(body: object, isolation: Isolation) -> None:
    """What a parser finds in the page is what was checked, and nothing in it acts on the page."""
    judge(body.html, isolation)  # type: ignore[attr-defined]


@pytest.mark.parametrize("isolation", BOTH)
def test_built_bodies_are_contained(isolation: Isolation) -> None:
    """The same holds for every element in every position that has rules of its own."""
    for body in built():
        judge(body.html, isolation)


@given(BODY)
@settings(max_examples=400, deadline=None)
def test_any_body_is_contained(html: str) -> None:
    """The same holds for tags, ends and oddities in any order."""
    for isolation in BOTH:
        judge(html, isolation)


@pytest.mark.parametrize("isolation", BOTH)
@pytest.mark.parametrize("scripting", [False, True])
def test_sentinel_is_written_as_a_parser_writes_it(isolation: Isolation, scripting: bool) -> None:
    """The page around the body compares equal to itself when the body is empty."""
    assert survives("", isolation, scripting=scripting) == ""
    around = SENTINELS[isolation]
    assert around.before.count("<fragment-slot") == 2
    assert around.after.count("<fragment-slot") == 2


@pytest.mark.parametrize(
    "html",
    [
        "</template></fragment-slot>",
        "</fragment-slot>",
        "<plaintext>",
        "<!--",
        "<textarea>",
        "<select>",
        "<svg><desc>",
        "<script>",
    ],
)
def test_sentinel_notices_a_break(html: str) -> None:
    """The oracle has teeth: raw bodies that break out or swallow the page are seen."""
    assert any(survives(html, isolation) != html for isolation in BOTH)
