"""Every allowed attribute, by what CSS, a browser or the page's own scripts do with its value."""

import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tinycss2 import parse_declaration_list

from shell.composition.contain import Contained, Container, LinkPolicy
from shell.composition.contain import elements as table
from shell.composition.contain.css import fetches_nothing
from shell.composition.contain.links import Isolation, Reach
from shell.composition.contain.names import SHELL_IDS, SHELL_PREFIXES, name_list
from shell.composition.contain.pattern import bearable
from shell.composition.contain.style import RewrittenStyle, is_plain, rewrite_style
from tests.corpus.hostile.attributes import ATTACKS, INERT, listed

pytestmark = pytest.mark.quick

STATIC = Path(__file__).parents[3] / "static"
PAGES = Path(__file__).parents[3] / "shell" / "pages" / "templates"
PREFIX = "/slots/lobby/wallet"
LINKS = LinkPolicy(media_origins=frozenset({"https://video.example"}), frame_origins=frozenset({"https://g.example"}))
REACH = Reach(PREFIX, "shadow", LINKS)
BOTH: tuple[Isolation, Isolation] = ("shadow", "light")

# An id of the same tree; in a shared tree it is checked.
INERT_IN_SHADOW = frozenset({"form", "id"})
# The presentation attributes of SVG 2 and its modules that this table could have.
PRESENTATION = frozenset(
    name_list("""
    alignment-baseline baseline-shift clip-path clip-rule color color-interpolation color-interpolation-filters cursor
    direction display dominant-baseline fill fill-opacity fill-rule filter flood-color flood-opacity font-family
    font-size font-size-adjust font-stretch font-style font-variant font-weight image-rendering letter-spacing
    lighting-color marker-end marker-mid marker-start mask mask-type opacity overflow paint-order pointer-events
    shape-rendering stop-color stop-opacity stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin
    stroke-miterlimit stroke-opacity stroke-width text-anchor text-decoration text-overflow text-rendering
    transform transform-origin unicode-bidi vector-effect visibility white-space word-spacing writing-mode
    gradientTransform patternTransform
    """)
)
# A fragment's `data-*` as the page's scripts use them: words that are shown or compared, unless a check is named.
SCRIPT_WORDS = frozenset(
    name_list("""
    data-live data-live-refetch data-live-every data-live-value data-live-seq data-live-empty data-age data-countdown
    data-countdown-done data-server-now data-words-on data-words-off data-live-status
    data-stream-state data-stream-by data-stream-paused data-live-state
    data-command data-command-step data-command-shows data-sentence data-outcome data-ends data-close
    data-live-outcome data-typed data-words data-paused data-paused-words
    """)
)
# Read only from the shell's own elements: a slot, the layout, the question to a player.
SCRIPT_OWN = frozenset(
    name_list("""
    data-prefix data-query data-state data-reason data-retry-ms data-topics data-modules data-place data-session-s
    data-due-s data-every-s data-reality data-one data-some data-well data-busy data-whole data-scripts data-inside
    data-places data-mullion-place data-script-data
    """)
)


STYLE_NAMES = name_list("width margin --w color grid-area vertical-align position background")
STYLE_WORDS = name_list("1px 40% .5em auto red #fff rgb(1,2,3) var(--x) 999em -1px url(x) 3fr")


def written_out(html: str, isolation: Isolation = "shadow") -> str:
    contained = Container().contain(html.encode(), "text/html", prefix=PREFIX, isolation=isolation, links=LINKS)
    assert isinstance(contained, Contained), contained
    return contained.html.decode()


@pytest.mark.parametrize("isolation", BOTH)
def test_no_attribute_is_kept_without_a_reading(isolation: Isolation) -> None:
    """An attribute that stays whatever it says is one of those that are known to be words, numbers or switches."""
    for one in listed():
        if one.rules.checks[isolation][one.name] is table.KEEP:
            inert = INERT | INERT_IN_SHADOW if isolation == "shadow" else INERT
            assert one.name in inert, f"{one.name} of <{one.tag}>"


def test_every_css_attribute_is_read_as_css() -> None:
    """No presentation attribute of a drawing, and no other attribute that holds CSS, stays unread."""
    css = [one for one in listed() if one.name in PRESENTATION | {"sizes", "media"}]
    assert len({one.name for one in css}) > 35
    for one, isolation, attack in product(css, BOTH, ATTACKS["css"]):
        check = one.rules.checks[isolation][one.name]
        assert check is not None, one
        assert not check(attack, REACH), (one.name, attack)


@pytest.mark.parametrize(
    "name", ["href", "xlink:href", "src", "poster", "action", "formaction", "srcset", "data-stream"]
)
def test_every_address_is_read_as_one(name: str) -> None:
    """Wherever an address may stand, none that leads abroad or runs does."""
    found = [one for one in listed() if one.name == name]
    assert found or name == "data-stream"
    checks = [one.rules.checks["shadow"][name] for one in found] or [table.other(name, "figure")]
    attacks = ATTACKS["address"] + ATTACKS["addresses"] * (name == "srcset")
    for check, attack in product(checks, attacks):
        assert check is not None
        assert not check(attack, REACH), (name, attack)


@pytest.mark.parametrize("style", ATTACKS["style"])
def test_style_that_leaves_its_place_or_fetches_does_not_stay(style: str) -> None:
    """Neither as it is nor written anew; what else it says stays."""
    for check in {one.rules.checks["shadow"]["style"] for one in listed() if one.name == "style"}:
        assert check is not None
        assert not check(style, REACH)
    left = rewrite_style(style).style
    assert not re.search(
        r"evil|url|position|inset|z-index|margin|transl|trans|[{}\\]|9999|image-set|--m-|--w:", left
    ), left


@given(st.text("abcdimnoprtuxzw-_ :;()!#%0123456789.,/*'\"\\{}[]<&\n", max_size=60))
@example("width: 1px;; color:red")
@settings(max_examples=400, deadline=None)
def test_whatever_a_style_says_is_written_anew_once(style: str) -> None:
    """What is written is plain or comes out the same again, and is read by a parser as what it says."""
    once = rewrite_style(style).style
    assert rewrite_style(once) == RewrittenStyle(once, ())
    if is_plain(style):
        assert rewrite_style(style).lost == ()
        names = [node.lower_name for node in parse_declaration_list(style, skip_whitespace=True)]
        assert [part.partition(":")[0] for part in rewrite_style(style).style.split("; ")] == names


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["width", "margin", "--w", "color", "grid-area", "vertical-align", "position", "background"]
            ),
            st.lists(
                st.sampled_from(
                    [
                        "1px",
                        "40%",
                        ".5em",
                        "auto",
                        "red",
                        "#fff",
                        "rgb(1,2,3)",
                        "var(--x)",
                        "999em",
                        "-1px",
                        "url(x)",
                        "3fr",
                    ]
                ),
                max_size=5,
            ),
        ),
        max_size=4,
    )
)
@settings(max_examples=400, deadline=None)
def test_a_glance_at_a_style_lets_nothing_pass_that_a_parser_would_not(parts: list[tuple[str, list[str]]]) -> None:
    """What is plain at a glance loses nothing where it is parsed."""
    style = ";".join(f"{name}:{' '.join(values)}" for name, values in parts)
    if is_plain(style):
        assert rewrite_style(style).lost == ()


def test_mask_fetches_nothing() -> None:
    """A mask is a picture to CSS: `image-set()` would have asked for any address, also the one that signs out."""
    body = "<svg><rect mask=\"image-set('/sign-out/' 1x)\"></rect></svg>"
    assert written_out(body) == "<svg><rect></rect></svg>"


@pytest.mark.parametrize(
    "value",
    ["none", "currentColor", "#fff", "url(#a)", "url('#a') #fff", "translate(1 2) rotate(45)", "rgb(1, 2, 3)", "0.5",
     "var(--m-accent)", "calc(1px + 2%)", "(min-width: 600px) 50vw, 100vw", "circle(40%)", "'Inter', serif", "",
     "matrix(1,0,0,1,0,0)", "drop-shadow(0 0 2px red)", "path('M0 0h1')"],
)  # fmt: skip
def test_css_that_drawings_use_stays(value: str) -> None:
    """Colours, numbers, transforms and parts of the drawing."""
    assert fetches_nothing(value)


@pytest.mark.parametrize("value", ATTACKS["css"])
def test_css_that_fetches_does_not_stay(value: str) -> None:
    """By address, by string, by a name in escapes, nested, unfinished."""
    assert not fetches_nothing(value)


def test_stream_comes_from_where_media_may_come_from() -> None:
    """`data-stream` is loaded by the page's own script, so it is checked as the source of a film is."""
    for good in ("https://video.example/t/live.m3u8", f"{PREFIX}/live.m3u8"):
        assert written_out(f'<figure data-stream="{good}">x</figure>') == f'<figure data-stream="{good}">x</figure>'
    for bad in ("http://evil.example/x", "https://video.example.evil.example/", "//video.example/x", "/sign-out/", ""):
        assert written_out(f'<figure data-stream="{bad}">x</figure>') == "<figure>x</figure>"


def test_whatever_the_pages_scripts_read_has_a_reading() -> None:
    """Each `data-*` that a script of the page asks a fragment for is words to it, or has a check of its own."""
    scripts = [path for path in STATIC.rglob("*.js") if "vendor" not in path.parts]
    assert len(scripts) > 10
    read: set[str] = set()
    for path in scripts:
        text = re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.MULTILINE)
        read |= {"data-" + re.sub(r"([A-Z])", r"-\1", name).lower() for name in re.findall(r"dataset\??\.(\w+)", text)}
        read |= set(re.findall(r"\[(data-[a-z-]+[a-z])", text))
        read |= set(re.findall(r"Attribute\(\"(data-[a-z-]+)\"", text))
    assert {"data-stream", "data-live-to", "data-age"} <= read
    assert sorted(read - SCRIPT_WORDS - SCRIPT_OWN) == sorted(table.SCRIPTED)


def test_live_value_is_written_where_nothing_follows_it() -> None:
    """Containment and the page's script agree on what a value from a feed may be written into."""
    for good in ("data-color", "value", "datetime", "aria-label", "data-open", "title"):
        assert table.SCRIPTED["data-live-to"](good, REACH)
    for bad in (
        "href",
        "src",
        "data-hx-get",
        "data-stream",
        "data-live",
        "aria-owns",
        "onclick",
        "style",
        "",
        "hx-get",
    ):
        assert not table.SCRIPTED["data-live-to"](bad, REACH)
    script = (STATIC / "live" / "bindings.js").read_text()
    for part in ("(?!live|hx-|stream|feeds|mullion)", "(?!owns|controls|describedby|labelledby|details|flowto|"):
        assert part in script


@pytest.mark.parametrize(
    "value",
    ["[0-9]{1,6}(\\.[0-9]{2})?", "[A-Za-z0-9]+", "\\d{4}", "(?:EUR|USD)", "[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", "", ".*",
     "(\\d{3}-){2}\\d{4}", "\\p{L}{2,40}", "[^@\\s]+@example\\.com"],
)  # fmt: skip
def test_patterns_that_forms_use_stay(value: str) -> None:
    """Counts, classes, choices."""
    assert bearable(value, REACH)


@pytest.mark.parametrize(
    "value",
    ["(a+)+b", "(a|a)*b", "(.*)*x", ".*.*x", "a*a*a*b", "(a?){30}a{30}", "([a-z]+)*\\d", "(?=a)b", "(a)\\1", "(?<n>a)",
     "(((a{0,9}){0,9}){0,9})", "x{0,64}x{0,64}x{0,64}y", "(", ")", "[", "a" * 201, "(a|b|ab)+c", "((ab?)+)+c"],
)  # fmt: skip
def test_pattern_can_not_freeze_the_page(value: str) -> None:
    """A pattern that goes back and forth without end would hold every fragment's page, without a script."""
    assert not bearable(value, REACH)
    assert written_out(f'<input pattern="{value}" value="{"a" * 40}">') == f'<input value="{"a" * 40}">'


def test_frame_is_handed_no_device() -> None:
    """No permission of the page reaches a frame."""
    for bad in ("camera", "fullscreen; payment", "microphone *", "fullscreen"):
        assert "allow" not in written_out(f'<iframe src="https://g.example/" allow="{bad}">').replace("allow-", "")


def test_every_id_of_the_shells_pages_is_reserved() -> None:
    """In a shared tree no fragment can take the id of an element that the page's scripts look for."""
    ids = {found for path in PAGES.rglob("*.html") for found in re.findall(r'\bid="([^"{}]+)"', path.read_text())}
    assert len(ids) > 5
    assert {name for name in ids if not name.startswith(SHELL_PREFIXES)} <= SHELL_IDS
