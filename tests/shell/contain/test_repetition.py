"""What a body writes once and a browser draws many times is limited, whatever refers to it."""

from itertools import pairwise

import pytest

from bff.resilience.reason import Reason
from shell.composition.contain import Contained, Container, LinkPolicy, Refusal
from shell.composition.contain.links import Isolation

pytestmark = pytest.mark.quick

# One level, named `{id}`, that draws `{below}` ten times.
BOMBS = {
    "use": '<g id="{id}">' + '<use href="#{below}"/>' * 10 + "</g>",
    "use, as it was written once": '<g id="{id}">' + '<use xlink:href="#{below}"/>' * 10 + "</g>",
    "symbol": '<symbol id="{id}">' + '<use href="#{below}"/>' * 10 + "</symbol>",
    "pattern": '<pattern id="{id}" width="1" height="1">' + '<rect fill="url(#{below})"/>' * 10 + "</pattern>",
    "mask": '<mask id="{id}">' + "<rect mask='url(\"#{below}\")'/>" * 10 + "</mask>",
    "clip": '<clipPath id="{id}">' + '<rect clip-path="URL(#{below})"/>' * 10 + "</clipPath>",
    "marker": '<marker id="{id}"><path d="M0 0h1h1h1h1h1h1h1h1h1" marker-mid="url(#{below})"/></marker>',
    "escape": '<g id="{id}">' + '<use href="#%{below_hex}"/>' * 10 + "</g>",
}


def bomb(level: str, levels: int) -> str:
    """A drawing whose last part is drawn ten to the power of `levels` times."""
    names = "abcdefghijkl"[: levels + 1]
    parts = [level.format(id=one, below=below, below_hex=f"{ord(below):x}") for one, below in pairwise(names)]
    return f'<svg><defs><circle id="{names[-1]}" r="1"/>{"".join(parts)}</defs><use href="#a"/></svg>'


def put(html: str, isolation: Isolation = "shadow") -> Contained | Refusal:
    container = Container()
    return container.contain(html.encode(), "text/html", prefix="/slots/a/b", isolation=isolation, links=LinkPolicy())


@pytest.mark.parametrize("isolation", ["shadow", "light"])
@pytest.mark.parametrize("level", BOMBS.values(), ids=BOMBS)
def test_drawing_that_grows_tenfold_a_line_is_not_shown(level: str, isolation: Isolation) -> None:
    """Nine lines are a billion elements in a browser; two are a drawing like any other."""
    refused = put(bomb(level, 9), isolation)
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.OVERSIZE
    assert isinstance(put(bomb(level, 2), isolation), Contained)


def test_drawing_that_holds_itself_is_not_shown() -> None:
    """Browsers leave out what they see of it, and each sees something else."""
    for html in (
        '<svg id="s"><use href="#s"/></svg>',
        '<svg><g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g></svg>',
        '<svg><g id="a"><mask id="m"><rect mask="url(#n)"/></mask><mask id="n"><rect fill="url(#a)"/></mask></g></svg>',
    ):
        assert isinstance(put(html), Refusal)


def test_one_part_that_many_draw_counts_as_often_as_it_is_drawn() -> None:
    """Two levels are enough where both are long."""
    part = '<g id="a">' + "<rect/>" * 500 + "</g>"
    assert isinstance(put(f"<svg><defs>{part}</defs>" + '<use href="#a"/>' * 30 + "</svg>"), Contained)
    assert isinstance(put(f"<svg><defs>{part}</defs>" + '<use href="#a"/>' * 100 + "</svg>"), Refusal)


@pytest.mark.parametrize(("uses", "outcome"), [(200, Contained), (300, Refusal)])
def test_parts_that_stand_in_one_another_count_alike(uses: int, outcome: type) -> None:
    """Each of fifty, one in the other, is drawn again: what is innermost as often as all of them together."""
    names = [f"p{n}" for n in range(50)]
    nest = "".join(f'<g id="{name}">' for name in names) + "<rect/>" + "</g>" * len(names)
    again = "".join(f'<use href="#{names[n % len(names)]}"/>' for n in range(uses))
    assert isinstance(put(f"<svg>{nest}{again}</svg>"), Contained)
    many = again + '<g id="all">' + again + "</g>" + '<use href="#all"/>'
    assert isinstance(put(f"<svg>{nest}{many}</svg>"), outcome)


def test_id_that_stands_twice_counts_for_each() -> None:
    """A small part of the same name in another tree does not stand in for the large one."""
    decoy = '<div><template shadowrootmode="open"><svg>' + '<g id="a"></g>' + "</svg></template></div>"
    large = '<svg><g id="a">' + "<rect/>" * 500 + "</g>" + '<use href="#a"/>' * 100 + "</svg>"
    assert isinstance(put(decoy + large), Refusal)


@pytest.mark.parametrize(
    "html",
    [
        '<svg><symbol id="i"><path d="M0 0h8"/></symbol></svg>' + '<svg class="i"><use href="#i"/></svg>' * 400,
        '<svg><linearGradient id="g"><stop offset="0"/><stop offset="1"/></linearGradient>'
        + '<rect fill="url(#g)" width="1" height="9"/>' * 500
        + "</svg>",
        '<svg><use href="#elsewhere"/><path fill="url(#nothing) red" clip-path="\\75rl(#x)"/></svg>',
        '<svg><linearGradient id="b"/><path id="a" fill="url(#b)"/><use href="#a"/></svg>',
        '<svg id="s"><a href="#s"/><path transform="rotate(1)"/></svg>',
    ],
)
def test_icons_and_charts_stand(html: str) -> None:
    assert isinstance(put(html), Contained)
