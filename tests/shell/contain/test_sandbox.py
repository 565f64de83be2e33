"""HTML of an untrusted fragment: ordinary HTML stays, and nothing in it triggers a script of the page."""

import random
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

import pytest

from shell.composition.contain import Contained, LinkPolicy, contain
from shell.composition.contain.elements import is_custom
from shell.composition.contain.sandbox import may_act
from shell.composition.contain.sentinel import survives
from tests.corpus.hostile.attributes import attacked, attacked_once
from tests.corpus.hostile.bodies import Body, built, written
from tests.corpus.hostile.nearly_plain import nearly_plain
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick
PREFIX = "/slots/lobby/guest"
# The attributes that scripts of an open page read: `dataset.liveValue`, "[data-stream]".
_READ = re.compile(r"\bdata-([a-z]+(?:-[a-z]+)*)|\bdataset\.([a-zA-Z]+)")


def contained(html: str, *, sandboxed: bool = True) -> str:
    made = contain(
        html.encode(), "text/html", prefix=PREFIX, isolation="shadow", links=LinkPolicy(), sandboxed=sandboxed
    )
    assert isinstance(made, Contained)
    return made.html.decode()


@pytest.mark.parametrize(
    "html",
    [
        '<h2 class="a">Words</h2><p lang="en">More <a href="/cashier/">there</a>.</p>',
        f'<form action="{PREFIX}/actions/vote" method="post"><button name="choice">Red</button></form>',
        '<table data-theme="dark"><tbody><tr><td>1</td></tr></tbody></table>',
        '<svg viewBox="0 0 1 1"><path d="M0 0"></path></svg>',
        "<details><summary>More</summary>Words</details>",
    ],
)
def test_ordinary_html_of_a_sandboxed_fragment_stands(html: str) -> None:
    """As it was written, like anybody's."""
    assert contained(html) == html


@pytest.mark.parametrize(
    ("html", "left"),
    [
        (f'<p hx-get="{PREFIX}/x" hx-trigger="click">w</p>', "<p>w</p>"),
        (f'<p data-hx-get="{PREFIX}/x">w</p>', "<p>w</p>"),
        ('<b data-live="wallet.balance#amount">w</b>', "<b>w</b>"),
        ('<b data-live-to="value" data-command="deposit" data-needs="engine">w</b>', "<b>w</b>"),
        ("<poll-chart>w</poll-chart>", "w"),
        ('<p>w<input type="Password" autocomplete="current-password"></p>', "<p>w</p>"),
        ('<p>w<input type="password"><input type="text" name="words"></p>', '<p>w<input type="text" name="words"></p>'),
        ("<ul><li><poll-chart data-live='x'><b hx-get='/y'>w</b></poll-chart></li></ul>", "<ul><li><b>w</b></li></ul>"),
    ],
)
def test_what_makes_a_script_of_the_page_act_goes(html: str, left: str) -> None:
    """A trusted fragment keeps what it may have; a sandboxed one has none of it, wherever it stands."""
    assert contained(html) == left
    assert contained(html, sandboxed=False) != left


def test_every_attribute_that_the_pages_scripts_read_counts() -> None:
    """A script that begins to read another `data-*` makes this fail until a sandboxed fragment may not have it."""
    read = set()
    for path in [
        *(ROOT / "static").glob("*.js"),
        *(ROOT / "static").glob("[!v]*/*.js"),
        *(ROOT / "static/video").glob("*.js"),
    ]:
        for dashed, camel in _READ.findall(path.read_text("utf-8")):
            read.add("data-" + (dashed or re.sub(r"([A-Z])", lambda up: "-" + up[1].lower(), camel)))
    assert {name for name in read if not may_act(name)} == set()
    assert not may_act("data-theme")


class Acting(HTMLParser):
    """The attributes that trigger a script, as the standard library's parser reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"<{tag}>"] if is_custom(tag) else []
        self.found += [name for name, _ in attrs if may_act(name)]


@pytest.mark.parametrize(
    "attacks", [attacked_once, pytest.param(attacked, marks=pytest.mark.full)], ids=["one element", "all elements"]
)
def test_no_hostile_body_acts_or_leaves_its_place(attacks: Callable[[], Iterator[Body]]) -> None:
    """All of the corpus: refused, or a parser in the page builds just what was contained and nothing in it acts."""
    faults, stood = [], 0
    chance = random.Random(7)
    nearly = [Body(f"nearly plain {number}", nearly_plain(chance)) for number in range(200)]
    for body in [*written(), *built(), *attacks(), *nearly]:
        made = contain(
            body.html.encode(), "text/html", prefix=PREFIX, isolation="shadow", links=LinkPolicy(), sandboxed=True
        )
        if not isinstance(made, Contained):
            continue
        stood += 1
        html, acting = made.html.decode(), Acting()
        acting.feed(html)
        if acting.found or survives(html, "shadow") != html:
            faults.append((body.name, acting.found))
    assert faults == []
    assert stood > 500
