"""The cache of tags never lets through what a walk over the tree would remove, nor does a single parse."""

import html as references
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
import turbohtml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shell.composition.contain import Contained, Container, Limits, LinkPolicy, Refusal, fast_path, tag_cache
from shell.composition.contain.clean import Cleaner
from shell.composition.contain.cost import Spending
from shell.composition.contain.fast_path import contained_unchanged
from shell.composition.contain.links import Reach
from tests.corpus.hostile.bodies import BODY, built, written
from tests.corpus.hostile.nearly_plain import nearly_plain

pytestmark = pytest.mark.quick

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
def _empty_cache_that_learns_from_every_body(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """However little of the earlier bodies repeats."""
    monkeypatch.setattr(tag_cache, "_MOSTLY_NEW_MAX", 10**9)
    tag_cache.tag_cache_of.cache_clear()
    yield
    tag_cache.tag_cache_of.cache_clear()


def put(body: str) -> Contained | Refusal:
    return Container(ANEW).contain(body.encode(), PLAIN, prefix=PREFIX, isolation="shadow", links=LINKS)


def cleaned(body: str) -> Contained | Refusal:
    """The result with the fast path switched off."""
    limits = replace(ANEW, fast_path=False)
    return Container(limits).contain(body.encode(), PLAIN, prefix=PREFIX, isolation="shadow", links=LINKS)


def goes_through(body: str) -> bool:
    """Whether the body is unchanged but for its spelling."""
    return contained_unchanged(body.encode().split(b"</"), REACH, Limits(), Spending(Limits())) is not None


def passes(body: str) -> bool:
    """Whether the tag cache accepts the parsed body, as a serialiser writes it."""
    return spelled_so(tag_cache.TagCache(REACH, Limits()), turbohtml.parse_fragment(body, positions=False).inner_html)


def spelled_so(cache: tag_cache.TagCache, html: str) -> bool:
    return cache.serialised(html.encode().split(b"</")) == html.encode()


def test_every_hostile_body_comes_out_the_same() -> None:
    """One after the other, so that each is met by all that the earlier ones made known; and once more."""
    bodies = [*(each.html for each in written()), *(each.html for each in built())]
    plain = "".join(CARD.format(n=n) for n in range(20)) + FORM
    put(plain)
    for body in bodies:
        expected = cleaned(body)
        assert put(body) == put(body) == expected
        assert put(plain + body) == cleaned(plain + body)


@settings(max_examples=400, deadline=None)
@given(BODY)
@example("<p title='<script>'>x</p><script>1</script>")
@example("<p title='a<b onclick=1>'>x</p><b onclick=1>y</b>")
@example('<p a"b=c onclick=d>x</p>')
@example("<b<p>x</b<p>")
@example('<x<p class="a">y</x<p>')
@example("<p title='&quot;>' onclick='x'>y</p>")
@example("<p title='&amp;lt;'>&amp;lt;p onclick=x&gt;</p><!-- <p class=\" --><p onclick='\"'>")
@example("<textarea><script></textarea><p>x")
def test_any_body_comes_out_the_same(body: str) -> None:
    """Cold, warm, and beside a body whose tags are known."""
    assert put(body) == put(body) == cleaned(body)
    assert put(CARD + body) == cleaned(CARD + body)


@pytest.mark.parametrize("bodies", [1000, pytest.param(3000, marks=pytest.mark.full)])
def test_nearly_plain_bodies_come_out_the_same(bodies: int) -> None:
    """At random, of which many go through as they come."""
    chance, through = random.Random(11), 0
    for _ in range(bodies):
        body = nearly_plain(chance)
        through += goes_through(body)
        assert put(body) == cleaned(body), body
    assert through > bodies / 10


@settings(max_examples=400, deadline=None)
@given(BODY)
def test_what_was_contained_once_comes_out_the_same(body: str) -> None:
    """Such bodies need nothing, so most of them go through as they come."""
    contained = cleaned(body)
    if isinstance(contained, Contained):
        html = contained.html.decode()
        assert put(html) == cleaned(html)
        assert put(CARD + html) == cleaned(CARD + html)


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_values_are_read_as_they_were_written(value: str) -> None:
    """What a check is shown is what the element holds."""
    root = turbohtml.parse_fragment(f'<p title="{references.escape(value)}">x</p>', positions=False)
    [tag] = [piece.partition(">")[0] for piece in root.inner_html.replace("</", "").split("<")[1:]][:1]
    held = next(iter(root.iter_elements())).attr("title")
    assert tag.count('"') != 2 or tag_cache._value_of(tag.split('"')[1]) == held == value


def test_known_tags_are_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that differs in its words alone is not walked, and neither is one with a few tags that are new."""
    put(CARD.format(n=1) + FORM)
    walks: list[object] = []
    monkeypatch.setattr(Cleaner, "_walk", lambda self, root: walks.append(root))
    for body in (CARD.format(n=1).replace("Table", "Round") + FORM, CARD.format(n=2)):
        assert isinstance(put(body), Contained)
    assert not walks
    put(CARD.format(n=3) + "<p onclick=x>")
    assert walks


@pytest.mark.parametrize(
    "body",
    ["<script>x</script>", "<p onclick=x>", "<template><p></template>", "<noscript><p></noscript>", "<svg></svg>",
     "<iframe src=/x></iframe>", "<p style=x>", "<x-y onclick=x>", "<fragment-slot>", "<math>", "<p><!-- é --></p>",
     "<a href=https://elsewhere.example/>x</a>", "<b<p>x</b<p>", f"<p class={'c' * 500}>",
     "<p " + " ".join(f"data-{n}" for n in range(201)) + ">"],
)  # fmt: skip
def test_a_glance_says_nothing_of_what_needs_a_walk(body: str) -> None:
    """Neither of the body nor of one that holds it among others."""
    assert not passes(body)
    assert not passes(CARD + body + CARD)


def test_bodies_that_hold_little_of_those_before_are_not_all_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are, so that it is noticed when bodies begin to repeat: then each goes the fast way again."""
    monkeypatch.undo()
    cache = tag_cache.TagCache(REACH, Limits())

    def looked(body: str) -> bool:
        return cache.serialised(body.encode().split(b"</")) is not None

    distinct = [looked("".join(CARD.format(n=f"{body}-{n}") for n in range(10))) for body in range(200)]
    assert 200 // tag_cache._LEARN_EVERY <= sum(distinct) <= 200 // tag_cache._LEARN_EVERY + tag_cache._MOSTLY_NEW_MAX
    page = "".join(CARD.format(n=n) for n in range(10))
    repeated = [looked(f"{page}<p>{time}</p>") for time in range(2 * tag_cache._LEARN_EVERY)]
    assert all(repeated[tag_cache._LEARN_EVERY :])


def test_what_is_known_is_bounded() -> None:
    """Tags that never come twice push each other out; a body full of them is walked."""
    cache = tag_cache.TagCache(REACH, Limits())
    for start in range(0, 4000, 300):
        assert spelled_so(cache, "".join(f'<p id="p{n}">x</p>' for n in range(start, start + 300)) + "<form></form>")
        assert len(cache._tags) <= tag_cache._TAGS_MAX
    for number in range(3 * tag_cache._SHAPES_MAX):
        assert spelled_so(cache, f'<p data-a{number}="">x</p>')
        assert len(cache._shapes) <= tag_cache._SHAPES_MAX
    assert not spelled_so(cache, "".join(f'<p id="q{n}">x</p>' for n in range(500)))


SAME = [
    ("<p>Anna&#x27;s &amp; Bo&#39;s</p>", "<p>Anna's &amp; Bo's</p>"),
    ('<p>a</p><br/><img src="/assets/a" alt="x" /><input name="a"/>', None),
    ("<p>a\r\nb\rc</p>", "<p>a\nb\nc</p>"),
    ("<p>1\xa0000\xa0€</p>", "<p>1&nbsp;000&nbsp;€</p>"),
    ('<p title="a &quot;b&quot; &lt;c&gt;">d &lt; e</p>', None),
    (CARD.format(n=1), None),
    ("<p>1 &euro; &mdash; &#8364;&#x20ac;&#128;</p>", "<p>1 € — €€€</p>"),
    ('<button\n  type="submit"  disabled >x</button><br/>', '<button type="submit" disabled="">x</button><br>'),
    ('<p title="x hidden y" hidden>is hidden here</p>', '<p title="x hidden y" hidden="">is hidden here</p>'),
    ('<a href="/x/"><span class="y">1</span> <img src="/assets/a" alt=""></a><b>2</b>', None),
    (FORM, None),
    ("<!-- a --><p>x<!-- b & c -->y</p><!----> z", None),
    ("<!-- é --><p>x<!-- ü & c -->y</p><!-- a--> z", "<p>xy</p><!-- a--> z"),
    ('<table><tbody><tr><td>1</td></tr></tbody></table><x-y data-a="1">z</x-y>', None),
]


@pytest.mark.parametrize(("body", "becomes"), SAME)
def test_body_that_needs_nothing_goes_out_as_it_came(body: str, becomes: str | None) -> None:
    """Spelled as a serialiser does, which is what cleaning makes of it."""
    serialised = becomes or body.replace(" />", ">").replace("/>", ">")
    contained = put(body)
    assert goes_through(body)
    assert isinstance(contained, Contained)
    assert contained.html.decode() == serialised
    assert contained == cleaned(body)


@pytest.mark.parametrize(
    "body",
    ["<p>open", "<p>a</div></p>", "<P>a</P>", "<p class=a>b</p>", "<p class='a'>b</p>", "<p hidden onclick>x</p>",
     "a > b", "<p>&copy</p>", "<p>&LT;</p>", "<p>&nosuch;</p>", "<p>a &amp b</p>", '<p title="a>b">x</p>',
     "<p title='a b'>x</p>", "<script>x</script>",
     "<!-->x", "<!--->x", "<!-- a --!> b -->", "<!-- <b> -->", "<!-- open", "<!doctype html>", "<?x y ?>",
     "<![CDATA[x]]>", "<textarea><!-- x --></textarea>", "</p<!-- x -->>", '<p title="<!-- x -->">y</p>',
     "<p>a &am<!-- x -->p; b</p>", '<p onclick="x">y</p>', "<svg></svg>",
     "<b>a<i>b</i></b>", "<a href=\"/x\"><div>y</div></a>", "<b>a", "<b>a</i>", "<p></b></p>",
     "<table><b>x</b></table>", "<select><p>a</p></select>", "<select><option><b>a</b></option></select>",
     "<form><form></form></form>", "<b<p>x</b<p>",
     f'<form method="post"><p>{PREFIX}</p></form>', "<pre>\nx</pre>", "x<tr><td>1</td></tr>", "<td\nid=\"a\">1</td>",
     "<div>" * 257 + "</div>" * 257,
     "</template><p>x</p>", "</fragment-slot>", "<fragment-end></fragment-end>", "<noscript><p>x</p></noscript>"],
)  # fmt: skip
def test_body_that_needs_more_does_not(body: str) -> None:
    """It is cleaned, and comes out as if nothing else had been tried."""
    assert not goes_through(body)
    assert not goes_through(CARD + body + CARD)
    assert put(body) == cleaned(body)


def test_what_a_formatting_element_left_open_is_never_built() -> None:
    """It would be reopened in every paragraph behind it: that takes time and memory before anybody could look."""
    opened = "".join(f'<b id="b{n}">' for n in range(300))
    for body in (
        f"<p>{opened}</p>" + "<p>x</p>" * 1000,
        f"<p>{opened}<span></b></p>" + "<p>x</p>" * 1000,
        "".join(f'<b id="b{n}"><table><tbody><tr><td></b></td></tr></tbody></table>' for n in range(200)),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fast_path, "built", lambda *args: pytest.fail("it was built"))
            assert not goes_through(body)
