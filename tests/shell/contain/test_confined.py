"""In a tree that fragments share, no name or reference of a body reaches beyond it."""

import re
from collections.abc import Callable, Iterator

import pytest

from shell.composition.contain import Contained, Container, LinkPolicy
from shell.composition.contain.confine import names_of, renamed
from shell.composition.contain.links import Isolation
from shell.composition.contain.sentinel import survives
from tests.corpus.hostile.attributes import attacked, attacked_once
from tests.corpus.hostile.bodies import Body
from tests.corpus.hostile.costly import LARGE

pytestmark = pytest.mark.quick

PREFIX = "/slots/lobby/wallet"
LINKS = LinkPolicy(origins=frozenset({"https://help.example"}))
BOTH: tuple[Isolation, Isolation] = ("shadow", "light")


def put(body: str, isolation: Isolation = "light") -> str | None:
    contained = Container().contain(body.encode(), "text/html", prefix=PREFIX, isolation=isolation, links=LINKS)
    return contained.html.decode() if isinstance(contained, Contained) else None


@pytest.mark.parametrize(
    "attribute",
    ['aria-labelledby="{}"', 'aria-owns="{}"', 'aria-activedescendant="{}"', 'aria-details="{}"', 'aria-controls="{}"',
     'aria-describedby="{}"', 'aria-flowto="{}"', 'aria-errormessage="{}"'],
)  # fmt: skip
def test_reference_to_anothers_element_is_taken_out(attribute: str) -> None:
    """What the body has no element for would mean another fragment's, or the shell's."""
    theirs, own = attribute.format("main balance"), attribute.format("own")
    assert put(f'<p {theirs}>x</p><b id="own">y</b>') == '<p>x</p><b id="own">y</b>'
    assert put(f'<p {own}>x</p><b id="own">y</b>') == f'<p {own}>x</p><b id="own">y</b>'
    assert put(f"<p {theirs}>x</p>", "shadow") == f"<p {theirs}>x</p>"


def test_of_a_list_of_references_its_own_stay() -> None:
    """The others are left out."""
    assert put('<p aria-labelledby="main own notice">x</p><b id="own">y</b>') == (
        '<p aria-labelledby="own">x</p><b id="own">y</b>'
    )


@pytest.mark.parametrize(
    ("theirs", "becomes"),
    [
        ('<svg><use href="#logo"></use></svg>', "<svg><use></use></svg>"),
        ('<svg><rect fill="url(#g)"></rect></svg>', "<svg><rect></rect></svg>"),
        ("<svg><rect mask=\"url('#g')\"></rect></svg>", "<svg><rect></rect></svg>"),
        ('<svg><rect fill="u\\72l(#g)"></rect></svg>', "<svg><rect></rect></svg>"),
        ('<img src="/assets/a" usemap="#m">', '<img src="/assets/a">'),
        ('<input name="a" list="cities">', '<input name="a">'),
        ('<table><tbody><tr><td headers="h">x</td></tr></tbody></table>',
         "<table><tbody><tr><td>x</td></tr></tbody></table>"),
        ('<output for="amount">1</output>', "<output>1</output>"),
    ],
)  # fmt: skip
def test_drawing_list_or_map_of_another_is_not_reached(theirs: str, becomes: str) -> None:
    """By any kind of reference that HTML, SVG and CSS have."""
    assert put(theirs) == becomes
    own = '<p id="logo">a</p><p id="g">b</p><map name="m"></map><p id="cities">c</p><p id="h">d</p><p id="amount">e</p>'
    if "\\" not in theirs:
        assert put(own + theirs) == own + theirs
    assert put('<svg><rect fill="#fff" stroke="rgb(1,2,3)"></rect></svg>') == (
        '<svg><rect fill="#fff" stroke="rgb(1,2,3)"></rect></svg>'
    )


ALL_KINDS = (
    '<details name="faq"><summary id="s">x</summary></details><map name="m"><area shape="default" href="#s"></map>'
    '<img src="/assets/a" usemap="#m"><input type="radio" name="pick"><datalist id="l"></datalist><input list="l">'
    '<p aria-describedby="s other t">y</p><p id="t">z</p><svg><g id="g"></g><use href="#g"></use>'
    '<rect fill="url(#g)" mask="url(&quot;#g&quot;)"></rect></svg>'
    f'<form action="{PREFIX}/a"><input type="radio" name="pick"><input name="id"></form>'
)


def test_every_name_of_a_body_is_known() -> None:
    """Ids and groups; a radio button within a form is in a group of the form's own."""
    html = put(ALL_KINDS)
    assert html is not None
    assert names_of(html.encode()) == {
        ("details", "faq"), ("map", "m"), ("radio", "pick"),
        ("id", "s"), ("id", "l"), ("id", "t"), ("id", "g"),
    }  # fmt: skip


def test_renaming_takes_every_reference_along() -> None:
    """The body means the same under its other names, and stays proved."""
    html = put(ALL_KINDS)
    assert html is not None
    names = names_of(html.encode())
    out = renamed(html.encode(), names, "--b")
    assert names_of(out) == {(kind, f"{name}--b") for kind, name in names}
    text = out.decode()
    assert survives(text, "light") == text
    assert re.findall(r'"#(\w+)"|#(\w+)\)|#(\w+)&', text) == []
    assert 'aria-describedby="s--b t--b"' in text
    assert 'list="l--b"' in text
    assert f'<form action="{PREFIX}/a"><input type="radio" name="pick"><input name="id"></form>' in text
    assert renamed(html.encode(), set(), "--b") == html.encode()


def test_renaming_touches_names_alone() -> None:
    """Only what clashes, and no text."""
    html = b'<p id="a">id="a" #a</p><b id="b" title="a">x</b><a href="#a">y</a><a href="#b">z</a><i class="a">a</i>'
    assert renamed(html, {("id", "a")}, "--x") == (
        b'<p id="a--x">id="a" #a</p><b id="b" title="a">x</b><a href="#a--x">y</a><a href="#b">z</a><i class="a">a</i>'
    )


@pytest.mark.parametrize("isolation", BOTH)
def test_forms_never_merge(isolation: Isolation) -> None:
    """A form that begins in an open one keeps its fields: read again, they would be sent to the first one."""
    one, two = f'<form action="{PREFIX}/one">', f'<form action="{PREFIX}/two">'
    assert put(f'{one}<div></form>{two}<input name="a"></form>', isolation) == (
        f'{one}<div></div></form>{two}<input name="a"></form>'
    )
    assert put(f"{one}<div></form>{two}<p></form>{one}<b>x</b></form>y", isolation) == (
        f"{one}<div>y</div></form>{two}<p></p></form>{one}<b>x</b></form>"
    )


def twice(body: str, isolation: Isolation) -> tuple[str | None, str | None]:
    once = put(body, isolation)
    return once, None if once is None else put(once, isolation)


LARGE_BODIES = [Body(name, html) for name, html in LARGE.items()]


@pytest.mark.parametrize(
    "attacks", [attacked_once, pytest.param(attacked, marks=pytest.mark.full)], ids=["one element", "all elements"]
)
@pytest.mark.parametrize("isolation", BOTH)
def test_containing_twice_is_containing_once(isolation: Isolation, attacks: Callable[[], Iterator[Body]]) -> None:
    """What was contained comes out as it is: every attribute with every attack, and what is large. `test_corpus.py`
    has the same for the other bodies."""
    differing = {}
    for body in [*attacks(), *LARGE_BODIES]:
        once, again = twice(body.html, isolation)
        if once != again:
            differing[body.name] = (once, again)
    assert differing == {}
