"""Bodies that are built to be slow are refused early, or contained in time. One test for each row of the
fault matrix."""

import time
from collections.abc import Callable
from functools import partial

import pytest

from bff.resilience.reason import Reason
from shell.composition.contain import Contained, Container, Limits, LinkPolicy, Refusal, elements, htmx, tag_cache
from shell.composition.contain.elements import FORMATTING
from shell.composition.contain.links import Isolation, Reach
from tests.corpus.hostile.costly import LARGE, PARTS, hostile, most_of
from tests.corpus.hostile.costly import PREFIX as COSTLY_PREFIX

pytestmark = pytest.mark.quick

PREFIX = "/slots/lobby/wallet"
STALL_S_MAX = 0.05

ATTRIBUTES = "<p " + " ".join(f"a{n}=1" for n in range(20_000)) + ">x"
LEVELS = "<div>" * 10_000
OPENINGS = "<" * 200_000


def put(body: str, isolation: Isolation = "shadow", limits: Limits | None = None) -> Contained | Refusal:
    container = Container(limits)
    return container.contain(body.encode(), "text/html", prefix=PREFIX, isolation=isolation, links=LinkPolicy())


def spent_s(run: Callable[[], object], goes: int = 3) -> float:
    """The shortest CPU time of this thread for `run` in `goes` attempts: other work of the machine does not count."""

    def once() -> float:
        began = time.thread_time()
        run()
        return time.thread_time() - began

    return min(once() for _ in range(goes))


@pytest.mark.parametrize("isolation", ["shadow", "light"])
@pytest.mark.parametrize(
    "body", [ATTRIBUTES, LEVELS, OPENINGS], ids=["20,000 attributes", "10,000 levels", "200,000 <"]
)
def test_giant_markup_is_refused_within_20_ms(body: str, isolation: Isolation) -> None:
    """20,000 attributes, 10,000 levels and 200,000 `<` are refused in at most 20 ms."""
    refused = put(body, isolation)
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.OVERSIZE
    assert spent_s(lambda: put(body, isolation)) <= 0.02


@pytest.mark.parametrize(
    "body",
    [
        ATTRIBUTES,
        ("<p " + " ".join(f"a{n}" for n in range(76_000)))[:510_000] + ">",
        "<p " + "a='1'" * 90_000 + ">",
        LEVELS,
        "<div>" * 3900,
        OPENINGS,
        ">" * 500_000,
        "\xa0" * 250_000,
        "&" * 500_000,
        "<p>" + "".join(f"<b a{n}>" for n in range(500)) + "</p><p>x" * 1700,
        "<p>" + "".join("<i " + " ".join(f"b{m}={n}" for m in range(150)) + ">" for n in range(60)) + "</p><p>x" * 1900,
        "<table>" + "".join(f"<b a{n}>" for n in range(400)) + "<tr><td></td></tr>x" * 1000,
        "<a><div>" * 1900,
        "<select><option>" * 1900,
        "<!--" + "-" * 500_000,
        "<svg><desc>" * 1900,
        "<svg>" * 250 + "<g></g>" * 1800,
        "<div>" * 250 + "<template></template>" * 1800,
        "<select><template>" * 120 + "<option>" * 3700,
        "<foo>" * 250 + "x<br>" * 3700,
        "<div>" * 250 + "<a href=/x>x</a>" * 1800,
        "<svg><desc>" * 120 + "<p>x</p>" * 1800,
        '<a href="' + "/%41" * 120_000 + '">x',
        '<img srcset="' + "/assets/a 1x," * 39_000 + '">',
        '<p hx-target="find ' + "a." * 250_000 + '!">',
        '<p hx-trigger="' + "click delay:1s " * 30_000 + '!">',
    ],
    ids=range(26),
)
def test_no_body_holds_up_the_loop(body: str) -> None:
    """Whatever comes in, the loop goes on within 50 ms."""
    assert spent_s(lambda: put(body)) <= STALL_S_MAX


_BEGINNINGS = ("", "find", "closest ", "#a", "click", "click delay:", "innerHTML", "/slots/lobby/wallet", "{", "url(#a")
_BEGINNINGS += ("rgb(", "/assets/a ", "data:image/png;", "https://help.example/", "width:", "--a:", "[", "(")
_RUNS = (
    " ",
    "\t",
    "a",
    "a ",
    "1",
    "1 ",
    ",",
    "./",
    "%41",
    "(",
    "'",
    '"',
    "a:b;",
    " delay:1s",
    " swap:1ms",
    "/*",
    "\\",
    "-",
)


def test_value_of_no_attribute_takes_longer_than_a_body_may() -> None:
    """Long runs of what a value holds, up to the length that is read, with an end that makes all of it wrong: each
    check goes through it once, whatever it tries."""
    reach = Reach(PREFIX, "shadow", LinkPolicy())
    tables = (elements.HTML, elements.SVG, elements.MATH)
    rules = [each for table in tables for each in table.values()]
    checks = {check for each in rules for check in each.checks["shadow"].values() if check is not None}
    checks |= {*htmx.CHECKS.values(), *elements.SCRIPTED.values(), htmx.fires_by_itself}
    values = [f"{begin}{run * (2000 // len(run))}!" for begin in _BEGINNINGS for run in _RUNS]
    for check in checks:
        for value in values:
            read = partial(check, value, reach)
            # Only what was too slow once is measured again.
            assert min(spent_s(read, 1), STALL_S_MAX) < STALL_S_MAX or spent_s(read) <= STALL_S_MAX, (check, value[:20])


@pytest.mark.parametrize("size", [512 * 1024 + 1, 64 * 1024 * 1024])
def test_large_body_is_refused_unread(size: int) -> None:
    """More than 512 KiB are not looked at."""
    refused = put("x" * size)
    assert refused == Refusal(Reason.OVERSIZE, f"{size} bytes; at most 524288 are read")


@pytest.mark.parametrize("isolation", ["shadow", "light"])
@pytest.mark.parametrize("name", LARGE)
def test_large_ordinary_page_is_shown(name: str, isolation: Isolation) -> None:
    """Long tables, terms, lists, forms, choices and charts are contained as they are, without a note."""
    contained = put(LARGE[name].replace(COSTLY_PREFIX, PREFIX), isolation)
    assert isinstance(contained, Contained), contained
    assert contained.notes == ()


@pytest.mark.parametrize("isolation", ["shadow", "light"])
@pytest.mark.parametrize(("name", "body"), list(hostile()), ids=[name for name, _ in hostile()])
def test_body_made_to_take_long_is_refused(name: str, body: str, isolation: Isolation) -> None:
    """By what is counted in it, with words that say where the work would go."""
    refused = put(body, isolation)
    assert isinstance(refused, Refusal), name
    assert refused.reason is Reason.OVERSIZE


@pytest.mark.parametrize("part", [*PARTS[::3], *LARGE])
def test_outcome_depends_on_nothing_but_the_body(part: str) -> None:
    """At the edge of what a body may cost it ends the same whatever the memories hold, and without a clock."""
    small = Limits(cost_ns_max=2_000_000, cache_bytes_max=0)

    def passes(html: str) -> bool:
        return isinstance(put(html, limits=small), Contained)

    def forget() -> None:
        tag_cache.tag_cache_of.cache_clear()

    edge = LARGE[part][:6000] if part in LARGE else most_of(part, passes, 100_000)
    for body in (edge, edge + edge[: len(edge) // 20], edge[: len(edge) * 19 // 20]):
        forget()
        cold = put(body, limits=small)
        for _ in range(3):
            put("<ul>" + body[: len(body) // 2], limits=small)
            assert put(body, limits=small) == cold
        forget()
        assert put(body, limits=small) == cold


def test_refusal_says_where_the_work_would_go() -> None:
    """Whoever has to make the page smaller reads what it holds too much of."""
    refused = put("<p>x" * 50_000)
    assert isinstance(refused, Refusal)
    assert "20 ms" in refused.detail
    assert "tags" in refused.detail


def test_large_text_is_contained() -> None:
    """512 KiB of text are fine."""
    assert isinstance(put("x " * (256 * 1024)), Contained)


def test_depth_ends_at_256() -> None:
    """256 levels are contained, 257 are not."""
    assert isinstance(put("<div>" * 256), Contained)
    assert put("<div>" * 257) == Refusal(Reason.OVERSIZE, "deeper than 256 levels")


def test_depth_counts_within_a_template() -> None:
    """A template does not hide levels."""
    assert put("<template>" + "<div>" * 257) == Refusal(Reason.OVERSIZE, "deeper than 256 levels")


def test_attributes_of_a_tag_end_at_200() -> None:
    """200 attributes in a tag are contained, 201 are not."""
    assert isinstance(put("<p " + " ".join(f"data-a{n}" for n in range(200)) + ">"), Contained)
    refused = put("<p " + " ".join(f"data-a{n}" for n in range(201)) + ">")
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.OVERSIZE


def test_long_picture_in_the_body_is_contained() -> None:
    """A picture of 100 kB in a data URL is one attribute, not many."""
    body = '<img alt="" src="data:image/png;base64,' + "iVBOR/w0KGgo+" * 8000 + '">'
    contained = put(body)
    assert isinstance(contained, Contained)
    assert contained.notes == ()


def test_text_that_grows_too_far_is_refused() -> None:
    """What is small to read and large to write is refused."""
    refused = put("<p title='" + '"' * 300_000 + "'>")
    assert refused == Refusal(Reason.OVERSIZE, refused.detail)


def test_reopened_formatting_does_not_multiply() -> None:
    """Bold text that is never closed ends with its paragraph: 500 of them do not become 250,000."""
    contained = put("<p>" + "".join(f"<b class='c{n}'>" for n in range(200)) + "</p><p>x" * 500)
    assert isinstance(contained, Contained)
    assert contained.html.count(b"<b ") == 200


def test_notes_are_bounded() -> None:
    """A body full of faults does not fill the log."""
    contained = put("".join(f"<p onx{n}=1>" for n in range(300)))
    assert isinstance(contained, Contained)
    assert len(contained.notes) == Limits().notes_max
    assert all(len(note) <= 80 for note in contained.notes)


@pytest.mark.parametrize("name", FORMATTING)
def test_no_formatting_element_is_reopened(name: str) -> None:
    """In any spelling: a hundred that are left open in a paragraph do not come again in the next fifty."""
    for tag in (f"<{name}>", f"<{name.upper()} x>", f"<{name}\n>", f"<{name}\f>", f"<{name}/>", f"<{name.title()}\t>"):
        body = "<p>" + tag * 100 + "</p><p>x" * 50
        outcome = put(body)
        assert isinstance(outcome, Refusal) or len(outcome.html) <= 2 * len(body)
