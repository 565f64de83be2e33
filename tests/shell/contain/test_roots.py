"""The shadow roots that a body brings are contained too, and a root without anything visible counts as empty."""

import pytest

from bff.resilience.reason import Reason
from shell.composition.contain import Contained, Container, Isolation, Limits, LinkPolicy, Refusal
from shell.composition.contain.pictures import CopiedFiles

pytestmark = pytest.mark.quick
BOTH: tuple[Isolation, Isolation] = ("shadow", "light")
SHEETS = CopiedFiles("http://card.test/x/", "/assets/card/f0/", frozenset({"x/a b.css", "main.css"}))


def put(html: str, isolation: Isolation = "shadow", *, sandboxed: bool = False) -> Contained | Refusal:
    return Container().contain(
        html.encode(),
        "text/html",
        prefix="/slots/lobby/card",
        isolation=isolation,
        links=LinkPolicy(sheets=SHEETS),
        sandboxed=sandboxed,
    )


def written(html: str, isolation: Isolation = "shadow", *, sandboxed: bool = False) -> str:
    made = put(html, isolation, sandboxed=sandboxed)
    assert isinstance(made, Contained), made
    return made.html.decode()


def root(inside: str) -> str:
    return f'<x-card><template shadowrootmode="open">{inside}</template></x-card>'


@pytest.mark.parametrize("isolation", BOTH)
def test_what_is_in_a_root_is_read_like_the_rest(isolation: Isolation) -> None:
    """However deep: no script, no handler, no address of another slot; what may stand stands."""
    bad = '<p onclick="x()">a</p><script>x()</script><form action="/sign-out/" method="post"><button>b</button></form>'
    good = "<p>a</p><button>b</button>"
    assert written(root(bad + root(bad)), isolation) == root(good + root(good))


@pytest.mark.parametrize(
    ("href", "address"),
    [
        ("/main.css", "/assets/card/f0/main.css"),
        ("a%20b.css", "/assets/card/f0/x/a%20b.css"),
        ("http://card.test/main.css", "/assets/card/f0/main.css"),
        ("/assets/card/f0/main.css", "/assets/card/f0/main.css"),
    ],
)
def test_root_links_the_copy_of_its_stylesheet(href: str, address: str) -> None:
    """By any of the fragment's own names for it."""
    link = '<link rel="stylesheet" href="{}">'
    assert written(root(link.format(href))) == root(link.format(address))


@pytest.mark.parametrize(
    "link",
    [
        '<link rel="stylesheet" href="/other.css">',
        '<link rel="stylesheet" href="/assets/card/f0/other.css">',
        '<link rel="stylesheet" href="/assets/other/f0/main.css">',
        '<link rel="preload" as="style" href="/main.css">',
        '<link rel="stylesheet">',
        '<link href="/main.css">',
    ],
)
def test_root_links_nothing_else(link: str) -> None:
    """No other fragment's stylesheet, none that was not published, nothing that is no stylesheet."""
    made = put(root(link + "<p>x</p>"))
    assert isinstance(made, Contained)
    assert made.html.decode() == root("<p>x</p>")
    assert "removed <link>" in made.notes


def test_sandboxed_host_is_no_custom_element() -> None:
    """Its root stands in an element that no script of another fragment has defined, without attributes of its own."""
    html = '<x-card theme="dark" class="a"><template shadowrootmode="open"><slot></slot></template>x</x-card>'
    assert written(html) == html
    plain = '<span class="a"><template shadowrootmode="open"><slot></slot></template>x</span>'
    assert written(html, sandboxed=True) == plain
    assert written(plain, sandboxed=True) == plain


def test_roots_are_bounded() -> None:
    """In how they nest, how many they are, and how deep all of it is."""
    nested = Limits().roots_nested_max
    html = "<p>x</p>"
    for _ in range(nested):
        html = root(html)
    assert isinstance(put(html), Contained)
    for body in (root(html), root("<p>x</p>") * 65, "<div>" * 128 + root("<div>" * 130)):
        refused = put(body)
        assert isinstance(refused, Refusal)
        assert refused.reason is Reason.OVERSIZE
    assert isinstance(put("<div>" * 120 + root("<div>" * 120) + "x"), Contained)


SEEN = (
    "words",
    "<p></p><p>x</p>",
    "<div hidden>x</div>y",
    '<img src="/assets/a">',
    '<p></p><img alt="A" src="http://evil.example/a">',
    "<form><input></form>",
    '<form><input type="hidden" name="a"><button></button></form>',
    "<svg><path></path></svg>",
    '<video src="/assets/a" controls></video>',
    "<dialog open>x</dialog>",
    "<details hidden></details><hr>",
    root("<p>x</p>"),
    root("<slot></slot>").replace("</x-card>", "x</x-card>"),
    root('<slot name="a">x</slot>'),
    root(root("<slot></slot>").replace("</x-card>", "<slot></slot></x-card>")).replace("</x-card>", "x</x-card>"),
    '<script type="application/json">{}</script>x',
)
BLANK = (
    "",
    "<p></p>",
    "<div>&nbsp;<span> </span></div>",
    '<img alt="" src="http://evil.example/a">',
    '<script type="application/json">{"a": 1}</script>',
    "<style>p { color: red }</style><div></div>",
    "<div hidden>x</div>",
    "<dialog>x</dialog>",
    "<template><p>x</p></template>",
    "<noscript>x</noscript>",
    "<svg></svg>",
    '<form><input type="hidden" name="a"></form>',
    "<canvas>x</canvas>",
    root(""),
    root("").replace("</x-card>", "x</x-card>"),
    root('<slot name="a"></slot>').replace("</x-card>", "x</x-card>"),
    root("<slot></slot>"),
    root('<p hidden><slot></slot></p><slot name="a"></slot>').replace("</x-card>", '<i slot="a"> </i>x</x-card>'),
    root("<p hidden><slot></slot></p><slot></slot>").replace("</x-card>", "x</x-card>"),
)


@pytest.mark.parametrize(("html", "blank"), [*((each, False) for each in SEEN), *((each, True) for each in BLANK)])
def test_a_body_is_blank_where_nothing_of_it_can_be_seen(html: str, blank: bool) -> None:
    """Also where what could be is put nowhere by its shadow root."""
    made = put(html)
    assert isinstance(made, Contained)
    assert made.blank is blank
