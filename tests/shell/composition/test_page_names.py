"""Two fragments in one tree use the same names: each refers to its own, and the first keeps its words."""

import random

import msgspec
import pytest

from bff.contracts.manifest import parse
from bff.resilience.outcome import State
from shell.composition.contain import Contained, Container, LinkPolicy
from shell.composition.include import Include
from shell.composition.ladder import Included
from shell.composition.page import Page, Slot, Visit
from shell.composition.page_names import PageNames, read_names_taken
from shell.composition.release import Release, Trust
from shell.composition.wrap import Wrapper

pytestmark = pytest.mark.quick

SLOTS = tuple(Slot(name, name) for name in ("wallet", "tables"))
PAGE = Page("lobby", "/", "lobby.html", SLOTS)
VISIT = Visit(PAGE, {}, language="en", locale="en-GB", currency="EUR", origin="http://localhost")
FAQ = b'<details name="faq"><summary id="q">Q</summary></details><p aria-labelledby="q">A</p>'
OTHER = b'<details name="help"><summary id="h">Q</summary></details><p aria-labelledby="h">A</p>'
RENAMED = FAQ.replace(b'"q"', b'"q--tables"').replace(b'"faq"', b'"faq--tables"')


def included(slot: Slot, html: bytes, isolation: str) -> Included:
    described = parse(msgspec.json.encode({"name": slot.fragment, "version": "1", "mullion": {"isolation": isolation}}))
    release = Release(
        slot.fragment, "1", described, "http://localhost/manifest.json", b"", css=(), js=(), trust=Trust.FIRST_PARTY
    )
    return Included(slot, State.FRESH, html, release)


def page(*htmls: bytes, isolation: str = "light") -> list[bytes]:
    """The slots of one page view, in the order in which they were ready."""
    wrapper, page_names = Wrapper(random.Random(7)), PageNames()
    return [
        wrapper.wrap(included(slot, html, isolation), Include(slot, VISIT, None), page_names)
        for slot, html in zip(SLOTS, htmls, strict=True)
    ]


def test_name_stays_unless_another_slot_of_the_page_uses_it() -> None:
    """Two fragments with names of their own are written as they are."""
    first, second = page(FAQ, OTHER)
    assert FAQ in first
    assert OTHER in second


def test_later_slot_gives_way_where_names_clash() -> None:
    """Its group of details and its ids get other names, with all that refers to them; the first one's stay."""
    first, second = page(FAQ, FAQ)
    assert FAQ in first
    assert RENAMED in second


def test_each_page_view_begins_anew() -> None:
    """What another visitor's page holds decides nothing, and the same wrapper forgets nothing of the body."""
    assert page(FAQ, FAQ) == page(FAQ, FAQ)
    assert FAQ in page(OTHER, FAQ)[1]


def test_shadow_roots_share_no_names() -> None:
    """There every body is written as it is."""
    first, second = page(FAQ, FAQ, isolation="shadow")
    assert FAQ in first
    assert FAQ in second


def test_slot_that_is_read_again_gives_way_to_the_open_page() -> None:
    """It comes back under the same names as before, whoever came first then."""
    assert read_names_taken("id:q details:faq").make_unique(FAQ, "tables") == RENAMED
    assert read_names_taken("id:h details:faq%20x").make_unique(FAQ, "tables") == FAQ
    assert read_names_taken(None).make_unique(FAQ, "tables") == FAQ
    assert read_names_taken("radio:q").make_unique(FAQ, "tables") == FAQ


@pytest.mark.parametrize("header", ["*", "x" * 9000, "id:", "faq", "other:q", "id:a faq"])
def test_page_that_can_not_tell_its_names_has_them_all(header: str) -> None:
    """Too many or malformed: every name gives way."""
    assert read_names_taken(header).make_unique(FAQ, "tables") == RENAMED


def test_names_are_compared_as_they_are_written() -> None:
    """A browser tells the name; the page holds it escaped."""
    contained = Container().contain(
        b'<p id="a&amp;&quot;b">x</p>', "text/html", prefix="/slots/a/b", isolation="light", links=LinkPolicy()
    )
    assert isinstance(contained, Contained)
    assert b'id="a&amp;&quot;b--b"' in read_names_taken("id:a%26%22b").make_unique(contained.html, "b")


def test_given_name_that_is_taken_too_is_given_on() -> None:
    """No renaming ends in another clash."""
    assert read_names_taken("id:a id:a--b").make_unique(b'<p id="a">x</p>', "b") == b'<p id="a--b--b">x</p>'
