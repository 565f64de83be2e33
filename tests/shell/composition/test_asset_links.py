"""Which of a release's files a slot links: those of its rung, each for its media and with its data."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import MappingProxyType

import msgspec
import pytest

from bff.contracts.manifest import parse
from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition.compiler import Compiler
from shell.composition.include import Include
from shell.composition.ladder import Included
from shell.composition.page import Page, Slot, Visit
from shell.composition.release import AssetUse, Release, Snapshot, Trust
from shell.composition.wrap import Wrapper
from shell.registry import models

pytestmark = pytest.mark.quick

SLOT = Slot("wallet", "wallet")
PAGE = Page("lobby", "/", "lobby.html", (SLOT, Slot("tables", "tables"), Slot("promotions", "promotions")))
VISIT = Visit(PAGE, {}, language="en", locale="en-GB", currency="EUR", origin="http://localhost")
INCLUDE = Include(SLOT, VISIT, None)
USES = {"p": AssetUse(media='print and (min-width: "1px")'), "c": AssetUse(scope="content")}
USES |= {"r": AssetUse(in_roots=True)}
USES |= {"k": AssetUse(classic=True), "f": AssetUse(scope="fallback"), "g": AssetUse(scope="fallback")}


def release(trust: Trust = Trust.FIRST_PARTY) -> Release:
    manifest = parse(msgspec.json.encode({"name": "wallet", "version": "1"}))
    files = {"css": ("a", "p", "c", "f", "r"), "js": ("m", "g", "k")}
    return Release("wallet", "1", manifest, "http://x.test/manifest.json", b"", **files, uses=USES, trust=trust)


def slot(state: State, trust: Trust = Trust.FIRST_PARTY) -> str:
    included = Included(SLOT, state, b"<p>w</p>", release(trust), Reason.CONNECT if state is State.FALLBACK else None)
    return Wrapper().wrap(included, INCLUDE).decode()


def linked(html: str) -> list[tuple[str, str]]:
    return re.findall(r'<link rel="stylesheet" href="/assets/(.)"(?: media="([^"]*)")?>', html)


def test_content_and_fallback_link_their_own_files() -> None:
    """Styles of both stand beside both, scripts beside the content; a medium is written so that it can not leave its
    attribute."""
    paper = ("p", "print and (min-width: &quot;1px&quot;)")
    assert linked(slot(State.FRESH)) == [("a", ""), paper, ("c", "")]
    assert linked(slot(State.FALLBACK)) == [("a", ""), paper, ("f", "")]
    assert 'data-modules="/assets/m"' in slot(State.FRESH)
    assert 'data-modules="/assets/g"' in slot(State.FALLBACK)
    assert 'data-scripts="/assets/k"' in slot(State.FRESH)
    assert "data-scripts" not in slot(State.FALLBACK)


def test_stylesheet_for_shadow_roots_is_linked_by_these_alone() -> None:
    """So that it is there when the HTML that links it comes: the next test finds it in the head."""
    assert "/assets/r" not in slot(State.FRESH) + slot(State.FALLBACK)


def test_sandboxed_slot_names_no_module() -> None:
    """Neither beside its content nor beside its fallback."""
    assert 'data-modules=""' in slot(State.FRESH, Trust.SANDBOXED)
    assert 'data-modules=""' in slot(State.FALLBACK, Trust.SANDBOXED)


def test_sandboxed_release_stands_in_a_root_of_its_own_whatever_its_manifest_says() -> None:
    """Its default would be the tree that it shares with the page."""
    assert (release().isolation, release(Trust.SANDBOXED).isolation) == ("light", "shadow")


def test_release_that_nobody_spoke_for_is_sandboxed() -> None:
    """Whoever forgets to say how far one is trusted has not trusted it."""
    unspoken_for = Release("wallet", "1", release().manifest, "http://x.test/manifest.json", b"", (), ())
    assert unspoken_for.sandboxed
    assert models.Registration(fragment="wallet").trust == Trust.SANDBOXED


class Links(HTMLParser):
    """The attributes of links and of the slot, as the standard library's parser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.slot: dict[str, str | None] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "link":
            self.links.append(dict(attrs))
        elif tag == "fragment-slot":
            self.slot = dict(attrs)


HOSTILE = '"><script src=x></script><link rel="stylesheet" href="/assets/x'


@pytest.mark.parametrize("trust", Trust)
def test_data_stands_on_the_link_and_says_what_scripts_get(trust: Trust) -> None:
    """A value never leaves its attribute; a slot names data of the scripts that it runs, and of no other."""
    data = (("data-site", HOSTILE),)
    uses = {"a": AssetUse(data=data), "k": AssetUse(classic=True, data=data), "m": AssetUse(data=data)}
    uses |= {"g": AssetUse(scope="fallback", data=data)}
    with_data = replace(release(trust), uses=uses)
    seen = {
        state: Links(Wrapper().wrap(Included(SLOT, state, b"<p>w</p>", with_data, None), INCLUDE).decode())
        for state in (State.FRESH, State.FALLBACK)
    }
    first = {"rel": "stylesheet", "href": "/assets/a", "data-site": HOSTILE}
    assert [each.links[0] for each in seen.values()] == [first, first]
    scripts = [json.loads(each.slot.get("data-script-data") or "{}") for each in seen.values()]
    attributes = dict(data)
    if trust is Trust.SANDBOXED:
        assert scripts == [{}, {}]
    else:
        assert scripts == [{"/assets/k": attributes, "/assets/m": attributes}, {"/assets/g": attributes}]
    assert "data-script-data" not in slot(State.FRESH)


def test_head_fetches_early_only_what_stands_beside_the_content() -> None:
    """Not what is for paper, not what is for an outage, and no module of a sandboxed fragment."""
    trusted, sandboxed = (
        Compiler()._render(PAGE, "en", False, Snapshot(1, MappingProxyType({"wallet": release(trust)})))
        for trust in (Trust.FIRST_PARTY, Trust.SANDBOXED)
    )
    head = b"".join(part for part in trusted.head if isinstance(part, bytes)).decode()
    assert re.findall(r'as="style" href="/assets/(.)"', head) == ["a", "c", "r"]
    assert re.findall(r'modulepreload" href="/assets/(.)"', head) == ["m"]
    assert re.findall(r'as="script" href="/assets/(.)"', head) == ["k"]
    bare = b"".join(part for part in sandboxed.head if isinstance(part, bytes)).decode()
    assert "modulepreload" not in bare
