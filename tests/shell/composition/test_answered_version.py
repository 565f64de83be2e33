"""The `podlet-version` of an answer, or its absence, shows whether the fragment itself has answered."""

import msgspec
import pytest

from bff.contracts.manifest import parse
from bff.resilience.message import Headers, Response
from bff.resilience.outcome import Failure, State
from bff.resilience.reason import Reason
from shell.composition.body import Body, read_body
from shell.composition.include import Include
from shell.composition.ladder import Included
from shell.composition.page import Page, Slot, Visit
from shell.composition.release import Release
from shell.composition.wrap import Wrapper

pytestmark = pytest.mark.quick
SLOT = Slot("card", "card")
VISIT = Visit(Page("lobby", "/", "lobby.html", (SLOT,)), {}, "en", "en-GB", "EUR", "http://localhost")
HTML = ("content-type", "text/html")


def read(*headers: tuple[str, str], versioned: bool = True) -> Body | Failure:
    manifest = parse(msgspec.json.encode({"name": "card", "version": "1"}))
    release = Release("card", "1", manifest, "http://x.test/manifest.json", b"", (), (), versioned=versioned)
    return read_body(Include(SLOT, VISIT, release), Response(200, Headers(list(headers)), b"<p>words</p>"))


@pytest.mark.parametrize(
    ("headers", "versioned", "reason"),
    [
        ([HTML, ("podlet-version", "1")], True, None),
        ([("podlet-version", "1")], True, None),
        ([HTML], False, None),
        ([HTML], True, Reason.NOT_A_FRAGMENT),
        ([], False, Reason.CONTENT_TYPE),
    ],
    ids=["a podlet", "one without a type", "a plain server", "somebody in between", "a server that says nothing"],
)
def test_answer_is_a_fragments_where_it_says_so_or_never_did(
    headers: list[tuple[str, str]], versioned: bool, reason: Reason | None
) -> None:
    """HTML without a type is HTML of who names a version; without one, of who was published without."""
    found = read(*headers, versioned=versioned)
    assert (found.reason if isinstance(found, Failure) else None) is reason


@pytest.mark.parametrize(("answered", "seen"), [("1", ""), (" 1 ", ""), ("2", "2"), ('2"<', "2&quot;&lt;")])
def test_other_version_than_the_live_one_is_seen_on_the_page(answered: str, seen: str) -> None:
    body = read(HTML, ("podlet-version", answered))
    assert isinstance(body, Body)
    included = Included(SLOT, State.FRESH, body.html, None, version_seen=body.version_seen)
    html = Wrapper().wrap(included, Include(SLOT, VISIT, None)).decode()
    assert (f'data-version-seen="{seen}"' in html) == ("data-version-seen" in html) == bool(seen)
