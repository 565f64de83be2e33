"""What `fragments/README.md` tells a team in another language is what the shell does."""

import re
from datetime import UTC, datetime
from html import unescape

import msgspec
import pytest

from bff.contracts import headers
from bff.contracts.manifest import Extension, Manifest
from bff.contracts.partition import Partition
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import Party, party
from shell.composition.body import read_state
from shell.composition.contain import Contained, Isolation, LinkPolicy, contain, elements, htmx
from shell.composition.include import Include
from shell.composition.page import Grant, Page, Slot, Visit
from shell.composition.release import Release, Trust
from shell.composition.requests import content_request
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

BOOK = (ROOT / "fragments" / "README.md").read_text("utf-8")
PARTIES = {"you": {Party.ORIGIN}, "that body": {Party.RESOURCE}, "nobody": {Party.NOBODY, Party.UNPROVED}}


def section(title: str) -> str:
    """What stands below `title`, up to the next title."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", BOOK, re.DOTALL | re.MULTILINE)
    assert found, title
    return found[1]


def rows(text: str) -> list[tuple[list[str], list[str]]]:
    """(the names in the first cell, the other cells) of each line of the tables in `text`."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return [(re.findall(r"`([^`]+)`", first), [cell.strip() for cell in rest]) for first, *rest in lines]


def words(mark: str) -> set[str]:
    """The list behind `<!-- mark -->`."""
    found = re.search(rf"<!-- {mark} -->\n`([^`]+)`", BOOK)
    assert found, mark
    return set(found[1].split())


def test_every_reason_is_told_with_whom_it_counts_against_and_whose_it_is_to_say() -> None:
    """The table has the closed list, no more and no less, as the guard counts and as the shell reads it."""
    table = [(name, *cells) for names, cells in rows(section("What fails, and how it is told")) for name in names]
    assert sorted(name for name, *_ in table) == sorted(reason.value for reason in Reason)
    for name, _happened, against, say in table:
        reason = Reason(name)
        assert party(reason) in PARTIES[against], name
        state = read_state(f"degraded; reason={name}", datetime.now(UTC), Extension())
        assert state is not None
        assert (state.reason is reason) is (say == "yes"), name


@pytest.mark.parametrize(
    ("mark", "listed"),
    [
        ("elements", {tag for tag in elements.HTML if not tag.startswith(elements.TAME)}),
        ("drawings", set(elements.SVG)),
        ("formulas", set(elements.MATH)),
        ("removed", set(elements.REMOVED)),
        ("htmx", {name for name in htmx.CHECKS if name.startswith("hx-")}),
    ],
)
def test_what_survives_is_listed_whole(mark: str, listed: set[str]) -> None:
    """Nobody has to try whether an element or an attribute of htmx is let through."""
    unlisted_formatting = {tag for tag in elements.FORMATTING if tag in elements.HTML}
    assert words(mark) == listed | (unlisted_formatting if mark == "elements" else set())


def test_every_field_of_the_manifest_is_told_with_its_default() -> None:
    """Podium's fields, and those of `mullion`."""
    podium, _, ours = section("The manifest").partition("Fields of the key `mullion`")
    assert {name for names, _ in rows(podium) for name in names} == set(Manifest.__struct_fields__) - {"mullion"}
    defaults = {name: cells[0] for names, cells in rows(ours) for name in names}
    assert defaults.keys() == set(Extension.__struct_fields__)
    for field in msgspec.structs.fields(Extension):
        empty = {"": "empty", (): "none", None: "none"}
        default = empty.get(field.default, str(field.default).lower())
        assert defaults[field.name].strip("`") == default, field.name


def test_every_header_that_is_sent_is_told() -> None:
    """And none that is not."""
    manifest = Manifest("poll", "1")
    slot = Slot("poll", "poll", grant=Grant("game:x"))
    visit = Visit(
        page=Page("lobby", "/", "lobby.html", (slot,)),
        params={},
        language="en",
        locale="en-GB",
        currency="EUR",
        origin="https://lobby.example",
        player="amber",
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-00",
    )
    release = Release("poll", "1", manifest, "https://poll.example/manifest.json", b"", (), (), trust=Trust.FIRST_PARTY)
    request = content_request(Include(slot, visit, release), lambda *who: "token")
    by_the_guard = {headers.DEADLINE_MS, Partition("anna", "").baggage[0]}
    sent = {name.lower() for name, _ in request.headers} | by_the_guard
    request_section = section("What you are asked")
    assert {name for names, _ in rows(request_section) for name in names} == sent
    assert headers.USER_AGENT in unescape(request_section)


@pytest.mark.parametrize("isolation", ["shadow", "light"])
def test_form_that_the_page_shows_survives(isolation: Isolation) -> None:
    """Copied with its slot's own prefix it stands in a page as it is written."""
    found = re.search(r"```html\n(.*?)```", section("Forms"), re.DOTALL)
    assert found
    contained = contain(
        found[1].encode(),
        "text/html; charset=utf-8",
        prefix="/slots/lobby/poll",
        isolation=isolation,
        links=LinkPolicy(),
    )
    assert isinstance(contained, Contained)
    assert contained.notes == ()
    assert contained.html == found[1].encode()
