"""A glance over known tags never lets through what a walk over the tree would take out."""

import html as references
from collections.abc import Iterator

import pytest
import turbohtml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shell.composition.contain import Contained, Container, Limits, LinkPolicy, Refused, clean, glance
from shell.composition.contain.links import Reach
from tests.corpus.hostile.bodies import BODY, built, written

PREFIX = "/slots/lobby/wallet"
LINKS = LinkPolicy(origins=frozenset({"https://help.example"}))
REACH = Reach(PREFIX, "shadow", LINKS)
ANEW = Limits(cache_bytes_max=0)
PLAIN = "text/html; charset=utf-8"
CARD = '<li class="card"><a href="/tables/{n}/">Table {n}</a> <b>{n}</b></li>'
FORM = (
    f'<form method="post" action="{PREFIX}/go"><input name="a" value="&lt;1&gt;">'
    "<select><option>1</option></select></form>"
)


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    glance.glance_of.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glance, "_EQUALS_MIN", 0)  # short bodies, too
        yield
    glance.glance_of.cache_clear()


def put(body: str) -> Contained | Refused:
    return Container(ANEW).contain(body.encode(), PLAIN, prefix=PREFIX, isolation="shadow", links=LINKS)


def walked(body: str) -> Contained | Refused:
    """The same without ever trusting a glance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clean, "worth_it", lambda text, limits: False)
        return put(body)


def tags_of(body: str) -> set[str] | None:
    """What a glance over the parsed body says."""
    root = turbohtml.parse_fragment(body, positions=False)
    return glance.Glance(REACH).passes(root.inner_html, Limits())


def test_every_hostile_body_comes_out_the_same() -> None:
    """One after the other, so that each is met by all that the earlier ones made known; and once more."""
    bodies = [*(each.html for each in written()), *(each.html for each in built())]
    plain = "".join(CARD.format(n=n) for n in range(20)) + FORM
    put(plain)
    for body in bodies:
        expected = walked(body)
        assert put(body) == put(body) == expected
        assert put(plain + body) == walked(plain + body)


@settings(max_examples=400, deadline=None)
@given(BODY)
@example("<p title='<script>'>x</p><script>1</script>")
@example("<p title='a<b onclick=1>'>x</p><b onclick=1>y</b>")
@example('<p a"b=c onclick=d>x</p>')
@example("<p title='&quot;>' onclick='x'>y</p>")
@example("<p title='&amp;lt;'>&amp;lt;p onclick=x&gt;</p><!-- <p class=\" --><p onclick='\"'>")
@example("<textarea><script></textarea><p>x")
def test_any_body_comes_out_the_same(body: str) -> None:
    """Cold, warm, and beside a body whose tags are known."""
    assert put(body) == put(body) == walked(body)
    assert put(CARD + body) == walked(CARD + body)


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_values_are_read_as_they_were_written(value: str) -> None:
    """What a check is shown is what the element holds."""
    root = turbohtml.parse_fragment(f'<p title="{references.escape(value)}">x</p>', positions=False)
    [tag] = [piece.partition(">")[0] for piece in root.inner_html.replace("</", "").split("<")[1:]][:1]
    found = glance._ATTRIBUTE.findall(tag)
    held = next(iter(root.iter_elements())).attr("title")
    assert not found or glance._read(found[0][1]) == held == value


def test_known_tags_are_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that differs in its words alone is not walked, and neither is one with a few tags that are new."""
    put(CARD.format(n=1) + FORM)
    walks: list[object] = []
    monkeypatch.setattr(clean.Cleaner, "_walk", lambda self, root: walks.append(root))
    for body in (CARD.format(n=1).replace("Table", "Round") + FORM, CARD.format(n=2)):
        assert isinstance(put(body), Contained)
    assert not walks
    put(CARD.format(n=3) + "<p onclick=x>")
    assert walks


@pytest.mark.parametrize(
    "body",
    ["<script>x</script>", "<p onclick=x>", "<template><p></template>", "<noscript><p></noscript>", "<svg></svg>",
     "<iframe src=/x></iframe>", "<p style=x>", "<x-y onclick=x>", "<fragment-slot>", "<math>", "<p><!-- x --></p>",
     "<a href=https://elsewhere.example/>x</a>", f"<p class={'c' * 500}>",
     "<p " + " ".join(f"data-{n}" for n in range(201)) + ">"],
)  # fmt: skip
def test_a_glance_says_nothing_of_what_needs_a_walk(body: str) -> None:
    """Neither of the body nor of one that holds it among others."""
    assert tags_of(body) is None
    assert tags_of(CARD + body + CARD) is None


def test_what_is_known_is_bounded() -> None:
    """Tags that never come twice push each other out; a body full of them is walked."""
    known = glance.Glance(REACH)
    for start in range(0, 4000, 300):
        body = "".join(f'<p id="p{n}">x</p>' for n in range(start, start + 300)) + "<form></form>"
        assert known.passes(body, Limits()) == {"form"}
        assert len(known._good) <= glance._KEPT_MAX
    assert known.passes("".join(f'<p id="q{n}">x</p>' for n in range(500)), Limits()) is None
    assert known.passes("<p>" * 20_001, Limits()) is None
