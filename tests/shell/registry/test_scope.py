"""A stylesheet in the shared tree styles its own slot alone."""

import itertools
import re

import pytest
import tinycss2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shell.registry.scope import scoped
from shell.registry.stylesheet import external_reference

pytestmark = pytest.mark.quick

SLOT = '@scope (fragment-slot[data-fragment="faq"]) to (:scope fragment-slot) {'


def rules(css: str) -> str:
    """The rules within the scope, without line breaks."""
    out, left_out = scoped(css.encode(), "faq")
    assert left_out == ()
    text = re.sub(r"\s*\n\s*", " ", out.decode()).strip()
    assert text.startswith(SLOT), text
    assert text.endswith("}"), text
    return text.removeprefix(SLOT).removesuffix("}").strip()


@pytest.mark.parametrize(
    ("css", "becomes"),
    [
        (".a{color:red}", ".a {color: red;}"),
        ("fragment-slot{display:none!important}", "fragment-slot {display: none !important;}"),
        (":root{--x:1}", ":scope {--x: 1;}"),
        ("html,body{margin:0}", ":scope,:scope {margin: 0;}"),
        ("html.dark body.wide > .a{b:c}", ":scope.dark.wide > .a {b: c;}"),
        ("html > body .a{b:c}", ":scope .a {b: c;}"),
        (":is(html, body) .a, .b:not(body){b:c}", ":is(:scope, :scope) .a, .b:not(:scope) {b: c;}"),
        (".body #html, [body]{b:c}", ".body #html, [body] {b: c;}"),
        (r"\62 ody, HTML, :Root{b:c}", ":scope, :scope, :scope {b: c;}"),
        ("@media (width>1px){body{b:c}}", "@media (width>1px) { :scope {b: c;} }"),
        ("@layer x.y{.a{b:c}}", "@layer faq-layers.x.y { .a {b: c;} }"),
        (".a{b:c;&:hover{d:e}body &{f:g}}", ".a {b: c;&:hover {d: e;} :scope & {f: g;} }"),
        (".a{b:c", ".a {b: c;}"),
    ],
)
def test_rules_stand_in_the_slots_scope(css: str, becomes: str) -> None:
    """`html`, `body` and `:root` select the slot."""
    assert rules(css) == becomes


_PIECES = st.sampled_from(
    ["{", "}", "(", ")", "[", "]", ";", ":", ",", "a", ".b", "#c", "html", ":root", "&", "@media x", "@layer y",
     "@x", "@keyframes k", "@font-face", "color:red", "font-family:k", "animation:k", "'", '"', "\\", "\n", "/*", "*/",
     "url(", "<!--", "-->", "!important", "'k'", " ", "@scope (a)", "to", "@import 'x'", "--x:{}", "\\7d "]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=30).map("".join))
@example("}.a{b:c}")
@example("{\\7d color:red")
@example("@media x{}}.a{b:c}")
@example(".a{b:')}\n}.c{d:e}")
@settings(max_examples=400, deadline=None)
def test_no_sheet_gets_out_of_its_scope(css: str) -> None:
    """For any input a browser parses one scope, preceded only by names of the fragment's own."""
    out, _ = scoped(css.encode(), "faq")
    found = tinycss2.parse_stylesheet(out.decode(), skip_comments=True, skip_whitespace=True)
    assert {rule.type for rule in found} <= {"at-rule"}
    keywords = [rule.lower_at_keyword for rule in found]
    ahead = list(itertools.takewhile(lambda keyword: keyword in ("layer", "import"), keywords))
    assert set(keywords[len(ahead) :]) <= {"scope", "property", "keyframes", "font-face", "layer", "media"}
    assert keywords.count("scope") <= 1
    for rule in found:
        if rule.lower_at_keyword == "scope":
            assert tinycss2.serialize(rule.prelude).strip() == SLOT[len("@scope ") : -2]
    again, _ = scoped(css.encode(), "faq")
    assert again == out


def test_what_a_document_names_once_is_the_fragments_own() -> None:
    """Animations, fonts, counters and layers are renamed, so a sibling's `spin` is not replaced."""
    out, _ = scoped(
        b"@keyframes spin{to{rotate:1turn}}@font-face{font-family:Open Sans;src:url(data:font/woff2;base64,AA==)}"
        b"@counter-style box{system:cyclic;symbols:x}@layer b,a;"
        b".a{animation:spin 1s linear;font-family:Open Sans,serif;list-style:box}.b{font:1em 'Open Sans';--x:spin}"
        b"@media print{@keyframes fade{to{opacity:0}}.c{animation-name:fade,other}}",
        "faq",
    )
    text = out.decode()
    before, _, within = text.partition(SLOT)
    assert "@keyframes faq-spin {" in before
    assert '@font-face {font-family: "faq-Open Sans";' in before
    assert "@counter-style faq-box {" in before
    assert "@layer faq-layers.b, faq-layers.a;" in before
    assert "@media print {\n@keyframes faq-fade {" in before
    assert 'animation: faq-spin 1s linear;font-family: "faq-Open Sans",serif;list-style: faq-box;' in within
    assert 'font: 1em "faq-Open Sans";--x: faq-spin;' in within
    assert "animation-name: faq-fade,other;" in within


@pytest.mark.parametrize(
    "css",
    ["@page{margin:0}", "@view-transition{navigation:auto}",
     "@namespace svg url(http://www.w3.org/2000/svg);", "@font-feature-values X{@swash{a:1}}"],
)  # fmt: skip
def test_what_changes_the_document_is_left_out(css: str) -> None:
    """A note tells its authors."""
    out, left_out = scoped(css.encode(), "faq")
    assert out == b""
    assert len(left_out) == 1
    assert scoped(b"@charset 'utf-8';", "faq") == (b"", ())


@pytest.mark.parametrize(
    "css",
    [
        ".a{background:url(data:image/png;base64,AA==)}",
        ".a{content:'\\201c } @import \"x\"'}",
        '.a::after{content:"\\"}"}',
    ],
)  # fmt: skip
def test_scoped_sheet_fetches_as_little_as_it_did(css: str) -> None:
    """The scoped text has no address that the original did not have."""
    out, _ = scoped(css.encode(), "faq")
    assert external_reference(out) is None
    assert out.count(b"@scope") == 1


def test_registered_property_is_the_documents_wherever_it_stands() -> None:
    """Publishing checks that no other fragment has the name."""
    out, left_out = scoped(b"@property --turn{syntax:'*';inherits:false}.a{--turn:1}", "faq")
    before, _, within = out.decode().partition(SLOT)
    assert before == '@property --turn {syntax:"*";inherits:false}\n'
    assert "--turn: 1" in within
    assert left_out == ()
