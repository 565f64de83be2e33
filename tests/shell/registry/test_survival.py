"""What pages show of a release while its origin fails, computed by the include path without requests or waiting."""

import json
from typing import Any

import pytest

from bff.contracts.manifest import parse
from bff.resilience.message import Headers, Response
from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition.include import Include
from shell.composition.page import Page, Slot, Visit
from shell.composition.release import Release
from shell.registry.survival import Survival, survive

pytestmark = pytest.mark.quick
FALLBACK = b"<p>The poll is away.</p>"


async def rows(fallback: bytes = FALLBACK, cache_control: str = "", **extension: Any) -> dict[str, Survival]:
    """The rows by the fault's name."""
    manifest = parse(json.dumps({"name": "poll", "version": "1", "mullion": extension}).encode())
    release = Release("poll", "d", manifest, "http://x.test/manifest.json", fallback, (), (), versioned=False)
    page = Page("check", "/", "", (Slot("content", "poll"),))
    visit = Visit(page, {}, "en", "en-GB", "EUR", "http://localhost")
    headers = [("content-type", "text/html"), *([("cache-control", cache_control)] if cache_control else [])]
    healthy = Response(200, Headers(headers), b"<p>Red or black?</p>")
    found = await survive(Include(page.slots[0], visit, release), healthy)
    return {row.fault.name: row for row in found}


async def test_every_fault_ends_in_the_fallback_and_heals() -> None:
    """Each has the page's reason, and takes no longer than the slot's deadline."""
    found = await rows(deadline_ms=400)
    assert {name: (row.state, row.reason, row.ms) for name, row in found.items()} == {
        "refused": (State.FALLBACK, Reason.CONNECT, 0),
        "slow": (State.FALLBACK, Reason.TIMEOUT, 400),
        "cut": (State.FALLBACK, Reason.CUT, 0),
        "500": (State.FALLBACK, Reason.UPSTREAM_ERROR, 0),
        "huge": (State.FALLBACK, Reason.OVERSIZE, 0),
        "hostile": (State.FALLBACK, Reason.UNSAFE_HTML, 0),
        "stale": (State.FALLBACK, Reason.UPSTREAM_ERROR, 0),
    }
    assert all(row.heals and row.survived for row in found.values())
    assert all(row.included.html == FALLBACK and row.included.release is not None for row in found.values())
    assert {row.included.release.fragment for row in found.values() if row.included.release} == {"poll"}


async def test_without_a_fallback_no_row_is_survived() -> None:
    """A page shows the shell's own card, and nothing of the release."""
    found = await rows(fallback=b"")
    assert {row.state for row in found.values()} == {State.PLACEHOLDER}
    assert not any(row.survived for row in found.values())


async def test_fallback_that_can_not_be_contained_counts_as_missing() -> None:
    """A fallback that no page could show counts as missing."""
    found = await rows(fallback=b"<plaintext>")
    assert not any(row.survived for row in found.values())


@pytest.mark.parametrize(
    ("cache_control", "state"),
    [("", State.STALE), ("max-age=5", State.STALE), ("no-store", State.FALLBACK), ("stale-if-error=0", State.FALLBACK)],
)
async def test_last_good_answer_stands_in_where_manifest_and_answer_allow_it(cache_control: str, state: State) -> None:
    """For a player's body and for a shared one."""
    for audience in ("player", "shared"):
        found = await rows(cache_control=cache_control, stale_s_max=60, audience=audience)
        assert found["stale"].state is state
        assert found["500"].state is State.FALLBACK, "there was no good answer before"


async def test_no_page_waits_longer_than_a_page_may() -> None:
    """A larger deadline in the manifest is capped."""
    assert (await rows(deadline_ms=5000))["slow"].ms == 1000
