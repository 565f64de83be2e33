"""Every hostile body, and any that can be generated, is refused or made harmless."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from shell.composition.contain import Contained, Container, LinkPolicy
from shell.composition.contain.links import Isolation
from shell.composition.contain.sandbox import OWN_LIST
from shell.composition.contain.sentinel import SENTINELS, survives
from tests.corpus.hostile.bodies import BODY, built, written

pytestmark = pytest.mark.quick

PREFIX = "/slots/lobby/wallet"
LINKS = LinkPolicy(origins=frozenset({"https://help.example"}))
BOTH: tuple[Isolation, Isolation] = ("shadow", "light")

FORBIDDEN_TAGS = frozenset(
    {"script", "style", "link", "meta", "base", "title", "html", "head", "body", "frameset", "frame", "iframe",
     "object", "embed", "applet", "plaintext", "xmp", "annotation-xml", "mglyph", "malignmark", "maction",
     "noembed", "noframes", "fragment-slot",
     "fragment-end", "foreignobject", "animate", "set", "page-layout"}
)  # fmt: skip
FORBIDDEN_ATTRIBUTES = frozenset(
    {"srcdoc", "ping", "autofocus", "accesskey", "nonce", "is", "background",
     "hx-swap-oob", "hx-boost", "hx-vars", "hx-headers", "hx-ext", "data-mullion-x"}
)  # fmt: skip
# These may stay with an operator's trust.
TRUSTED = frozenset(
    {"style", "popover", "popovertarget", "popovertargetaction", "command", "commandfor", "closedby", "allowfullscreen",
     "hx-trigger", "hx-get"}
)  # fmt: skip
OUT_OF_PLACE = re.compile(
    r"(?<![\w-])(?:position|inset|z-index|transform|translate|top|left)\s*:|url|image-set|src\(|\\|margin[^;]*-\d"
)
HOSTS = frozenset(
    {"article", "aside", "blockquote", "div", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "main", "nav",
     "p", "section", "span"}
)  # fmt: skip
VOID = frozenset({"area", "br", "col", "hr", "img", "input", "source", "track", "wbr"})
DATA = frozenset({"application/json", "application/ld+json"})
OWN_ONLY = frozenset({"formaction", "hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete", "data-hx-post"})


class Inspector(HTMLParser):
    """A second, simpler check: the standard library's parser lists every tag of the written HTML."""

    def __init__(self, *, sandboxed: bool) -> None:
        super().__init__()
        self.sandboxed = sandboxed
        self.faults: list[str] = []
        self.in_drawing = False
        self.open: list[str] = []  # open tags; a template with a root is "root"

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() not in (tag, "root" if tag == "template" else tag):
            pass
        self.in_drawing = self.in_drawing and tag != "svg"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_drawing = tag == "svg" or self.in_drawing
        self.judge_root(tag, dict(attrs))
        data = tag == "script" and dict(attrs).get("type") in DATA and "src" not in dict(attrs)
        if tag in FORBIDDEN_TAGS and not (tag == "title" and self.in_drawing) and not data:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            text = (value or "").strip().lower()
            if name.startswith(("on", "hx-on", "data-hx-on")) or name in FORBIDDEN_ATTRIBUTES:
                self.faults.append(f"{name} of <{tag}>")
            if self.sandboxed and name in TRUSTED and (tag, name, value) != ("select", "style", OWN_LIST):
                self.faults.append(f"{name} of <{tag}>, which nobody trusts")
            if name == "style" and OUT_OF_PLACE.search(text):
                self.faults.append(f"style={text} of <{tag}>")
            if name == "action" and (dict(attrs).get("method") or "").lower() == "post" and not is_own(text):
                self.faults.append(f"action={text} of <{tag}>")
            if name == "action" and not (text[:1] in ("", "?") or (text[0] == "/" and text[1:2] not in ("/", "\\"))):
                self.faults.append(f"action={text} of <{tag}>")
            if name in OWN_ONLY and not is_own(text):
                self.faults.append(f"{name}={text} of <{tag}>")
            if (
                name in {"href", "src", "xlink:href", "poster"}
                and not is_own(text)
                and ("javascript:" in text or text.startswith("//"))
            ):
                self.faults.append(f"{name}={text} of <{tag}>")

    def judge_root(self, tag: str, attrs: dict[str, str | None]) -> None:
        """A declared root is open and has a host of the body's own; what has a meaning only in a root is in one."""
        root = any(name.startswith("shadowroot") for name in attrs)
        if root and (attrs.get("shadowrootmode") != "open" or not self.open or not is_host(self.open[-1])):
            self.faults.append(f"a shadow root in {self.open[-1:]}")
        if root and not attrs.keys() <= {"shadowrootmode", "shadowrootdelegatesfocus"}:
            self.faults.append(f"a shadow root with {sorted(attrs)}")
        if tag == "slot" and "root" not in self.open:
            self.faults.append("<slot> outside of a shadow root")
        if tag not in VOID:
            self.open.append("root" if root else tag)

    def handle_comment(self, data: str) -> None:
        if self.sandboxed or len(data) > 256 or "--" in data or "<" in data or ">" in data:
            self.faults.append("a comment")

    def handle_decl(self, decl: str) -> None:
        self.faults.append("a declaration")

    def handle_pi(self, data: str) -> None:
        self.faults.append("an instruction")


def is_host(tag: str) -> bool:
    return tag in HOSTS or ("-" in tag and not tag.startswith(("fragment-", "page-layout", "mullion-")))


def is_own(path: str) -> bool:
    return path == PREFIX or path.startswith((f"{PREFIX}/", f"{PREFIX}?", f"{PREFIX}#"))


def judge(html: str, isolation: Isolation, *, sandboxed: bool = False) -> None:
    contained = Container().contain(
        html.encode(), "text/html", prefix=PREFIX, isolation=isolation, links=LINKS, sandboxed=sandboxed
    )
    if not isinstance(contained, Contained):
        return
    out = contained.html.decode()
    assert survives(out, isolation) == out
    assert survives(out, isolation, scripting=True) == out
    inspector = Inspector(sandboxed=sandboxed)
    inspector.feed(out)
    assert inspector.faults == []
    again = Container().contain(
        contained.html, "text/html", prefix=PREFIX, isolation=isolation, links=LINKS, sandboxed=sandboxed
    )
    assert isinstance(again, Contained)
    assert again.html == contained.html


def test_corpus_is_large() -> None:
    """At least 300 bodies are written by hand, no two of them alike."""
    bodies = written()
    assert len({body.html for body in bodies}) == len(bodies) >= 300


@pytest.mark.parametrize("isolation", BOTH)
@pytest.mark.parametrize("kind", sorted({body.name.partition(":")[0] for body in written()}))
def test_written_bodies_are_contained(kind: str, isolation: Isolation) -> None:
    """What a parser finds in the page is what was checked, and nothing in it acts on the page."""
    faults = {}
    for body in written():
        if body.name.startswith(f"{kind}:"):
            try:
                judge(body.html, isolation)
                judge(body.html, "shadow", sandboxed=True)
            except AssertionError as fault:
                faults[body.name] = str(fault)
    assert faults == {}


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
    judge(html, "shadow", sandboxed=True)


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
