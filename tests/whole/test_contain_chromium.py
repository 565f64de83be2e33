"""A real browser checks contained bodies: the shell is intact, no script ran, siblings look and work the same."""

import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import pytest
from hypothesis import Phase, given, settings
from playwright.sync_api import Page

from shell.composition.contain.links import Isolation
from shell.composition.contain.names import FORM_NAMES
from tests.corpus.hostile.attributes import attacked, attacked_by_kind
from tests.corpus.hostile.bodies import BODY, Body, built, written
from tests.corpus.ordinary.patterns import PATTERNS
from tests.support.contain_browser import ISOLATIONS, LINKS, STATIC, Judge, contained, page_of

# The only origin that a frame may have here.
APPROVED = {urlsplit(origin).netloc for origin in LINKS.frame_origins}


@pytest.fixture
def judge(page: Page) -> Judge:
    return Judge(page)


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_written_bodies_are_harmless_in_a_live_page(judge: Judge, isolation: Isolation) -> None:
    """With scripts on and laid out, what is left of each hand-written body leaves the shell and its siblings
    unchanged."""
    bodies = contained(written(), isolation)
    assert len(bodies) > 250
    assert judge.live(bodies, isolation) == ""
    assert {urlsplit(url).netloc for url in judge.reached_out} <= APPROVED


@pytest.mark.parametrize(
    "chosen", [attacked_by_kind, pytest.param(attacked, marks=pytest.mark.full)], ids=["on one element", "on all"]
)
def test_no_attribute_of_the_table_reaches_out(judge: Judge, chosen: Callable[[], Iterable[Body]]) -> None:
    """Every allowed attribute with addresses, pictures and names that it must not hold, laid out and painted: the
    browser requests nothing. In the shared tree, where names reach further; addresses are treated alike in both."""
    bodies = contained(chosen(), "light")
    assert len(bodies) > 150
    assert judge.live(bodies, "light") == ""
    assert {urlsplit(url).netloc for url in judge.reached_out} <= APPROVED


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_ordinary_html_is_harmless_in_a_live_page(judge: Judge, isolation: Isolation) -> None:
    """Formulas, styles, popovers, dialogs, data, markers and frames stay in their slot: what is shown is what was
    checked, its siblings look and work the same, and only a frame's approved origin is requested."""
    bodies = contained([Body(each.name, each.html) for each in PATTERNS], isolation)
    assert len(bodies) > 90
    assert judge.live(bodies, isolation) == ""
    assert {urlsplit(url).netloc for url in judge.reached_out} <= APPROVED


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_built_bodies_parse_as_checked(judge: Judge, isolation: Isolation) -> None:
    """Chromium builds the tree that was checked, for every element in every odd position."""
    bodies = contained(built(), isolation)
    assert len(bodies) > 250
    assert judge.parsed(bodies, isolation) == ""


def test_any_bodies_parse_as_checked(judge: Judge) -> None:
    """Chromium builds the tree that was checked, for tags, ends and oddities in any order."""
    gathered: list[Body] = []

    @given(BODY)
    @settings(max_examples=400, phases=[Phase.generate], deadline=None, database=None)
    def gather(html: str) -> None:
        gathered.append(Body(html, html))

    gather()
    for isolation in ISOLATIONS:
        assert judge.parsed(contained(gathered, isolation), isolation) == ""


def test_judge_sees_what_raw_bodies_do(judge: Judge) -> None:
    """The judge can fail: put in unchanged, such bodies run scripts, break the page and cover siblings."""
    names = (
        "scripts: a handler b",
        "scripts: a style",
        "closing: ends the slot",
        "closing: gives",
        "mutation: a noscript",
    )
    raw = {body.name: page_of([body.html], "light", dressed=True) for body in written() if body.name.startswith(names)}
    raw |= {
        body.name: page_of([body.html], "light", dressed=True) for body in attacked() if body.name == "mask of rect"
    }
    seen = [fault for faults in judge.pages(raw, "light").values() for fault in faults]
    assert seen.count("a script ran") >= 5
    assert seen.count("the shell's structure changed") >= 20
    assert any("looks different" in fault for fault in seen)
    assert any("can not be pressed" in fault for fault in seen)
    assert any("evil.example" in url for url in judge.reached_out)


# Names that a form uses for its own properties: a script that reads one would get a control of that name instead.
DATA_NAMES = {"dir", "hidden", "id", "lang", "name", "nonce", "part", "prefix", "rel", "role", "slot", "style", "title"}


def test_no_control_can_pose_as_what_scripts_ask_a_form_for(page: Page) -> None:
    """No control may have a name that htmx or the shell's scripts read from a form."""
    scripts = [*STATIC.glob("*.js"), *STATIC.glob("live/*.js"), *STATIC.glob("vendor/htmx-*.js")]
    assert len(scripts) >= 3
    read = {name for path in scripts for name in re.findall(r"\.([A-Za-z_]+)", path.read_text())}
    own = page.evaluate(
        """() => {
            const names = [];
            for (let at = document.createElement("form"); at; at = Object.getPrototypeOf(at)) {
                names.push(...Object.getOwnPropertyNames(at));
            }
            return names.filter((name) => !/^on|^[A-Z_]+$/.test(name));
        }"""
    )
    assert len(own) > 200
    assert (read & set(own)) - FORM_NAMES <= DATA_NAMES
