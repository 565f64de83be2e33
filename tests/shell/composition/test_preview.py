"""A release that one browser sees before it is live has a banner, guards and copies of its own, and other visitors do
not see it."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bff.contracts.manifest import parse
from bff.contracts.partition import Partition
from bff.resilience.breaker import Position
from bff.resilience.last_good import LastGood, LastGoodPolicy
from bff.resilience.partition import current, within
from bff.resilience.second_level import InMemorySecondLevel
from shell.composition.preview import Preview, current_preview, showing, snapshot_shown
from shell.composition.release import Release, Role, Snapshot
from shell.fleet.redis_stores import BodyCodec
from tests.origin.server import Origin
from tests.support.shell_page import Trio, element

pytestmark = pytest.mark.quick
ENDS = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)


class Stage:
    """A page of three fragments, and a candidate of `tables` at an origin of its own."""

    def __init__(self, *, second: InMemorySecondLevel | None = None, **changes: object) -> None:
        copies = LastGood(LastGoodPolicy(), second=second, codec=BodyCodec()) if second else None
        self.trio = Trio(last_good=copies, extension={"deadline_ms": 5000, "stale_s_max": 60}, page_deadline_ms=5000)
        self.candidate = Origin(body=b"<p>of the candidate</p>")
        self._changes = changes

    async def __aenter__(self) -> "Stage":
        await self.trio.__aenter__()
        await self.candidate.__aenter__()
        live = self.trio.snapshot.releases["tables"]
        changes = {"digest": "tables-2", "role": Role.PREVIEW, "tag": "tables-2.signed", **self._changes}
        release = replace(live, manifest_url=f"{self.candidate.url}/manifest.json", **changes)  # type: ignore[arg-type]
        self.preview = Preview("0123456789abcdef", release, ENDS)
        self.live = self.trio.snapshot
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.trio.__aexit__(None, None, None)
        await self.candidate.aclose()

    async def beside(self, player: str = "") -> bytes:
        """The page of every other visitor."""
        self.trio.snapshot = snapshot_shown(self.live)
        return await self.trio.page(self.trio.visit(player))

    async def shown(self, player: str = "") -> bytes:
        """The page of the preview's browser."""
        with showing(self.preview):
            return await self.beside(player)


async def test_one_browser_is_shown_the_candidate_and_a_banner_and_others_nothing_of_it() -> None:
    """In every slot of the fragment, whoever looks first; the others' page has not one byte of it."""
    async with Stage() as stage:
        before, shown, after = await stage.beside(), await stage.shown(), await stage.beside()
    assert b"of the candidate" in element(shown, "tables")
    assert b"/slots/lobby/tables~tables-2.signed" in element(shown, "tables")
    banner = shown.partition(b'<aside class="preview"')[2].partition(b"</aside>")[0].decode()
    assert "tables 1.0.0" in banner
    assert "until 14:30 UTC" in banner
    assert '<form method="post" action="/preview/end/">' in banner
    for page in (before, after):
        assert b"of the candidate" not in page
        assert b'class="preview"' not in page
        assert b"~tables-2" not in page


async def test_candidate_that_fails_shuts_nobody_else_out() -> None:
    """The breaker of what is live never moves; and the other way round the preview goes on."""
    async with Stage() as stage:
        guard = stage.trio.upstreams.of(stage.live.releases["tables"])
        await stage.candidate.fail("status=500")
        for _ in range(6):
            assert b'data-state="fresh"' not in element(await stage.shown(), "tables")
        assert (guard.breaker.position, guard.breaker.generation) == (Position.CLOSED, 0)
        assert b'data-state="fresh"' in element(await stage.beside(), "tables")
        await stage.trio.origins["wallet"].fail("status=500")
        for _ in range(6):
            await stage.beside()
        assert stage.trio.upstreams.of(stage.live.releases["wallet"]).breaker.position is Position.OPEN
        with showing(stage.preview):
            own = stage.trio.upstreams.of(stage.live.releases["wallet"]).own()
        assert own.breaker.position is Position.CLOSED
        assert stage.trio.recent.records()["tables"].counts.keys() == {"fresh"}


async def test_copies_of_a_preview_are_its_own() -> None:
    """Kept for it while the candidate is away, never in the store that all share, and gone with another preview."""
    second = InMemorySecondLevel(time.monotonic)
    async with Stage(second=second) as stage:
        for origin in (stage.candidate, *stage.trio.origins.values()):
            origin.headers = (("Cache-Control", "public, max-age=0, stale-if-error=60"),)
        await stage.shown()
        await stage.trio.includer.aclose()
        assert not second._copies
        await stage.candidate.fail("status=500")
        stale = element(await stage.shown(), "tables")
        assert b'data-state="stale"' in stale
        assert b"of the candidate" in stale
        stage.preview = replace(stage.preview, id="another")
        assert b'data-state="fallback"' in element(await stage.shown(), "tables")
        assert b"of the candidate" not in await stage.beside()


async def test_release_on_a_machine_of_its_team_hears_of_no_player() -> None:
    """Neither its content nor a probe; the fragments that are live beside it do, as ever. No mark goes out either."""
    async with Stage(own_machine=True) as stage:
        await stage.shown("ana")
        assert [seen.headers.get("authorization") for seen in stage.candidate.seen] == [None]
        assert [seen.headers.get("authorization") for seen in stage.trio.origins["wallet"].seen] != [None]
        every = [*stage.candidate.seen, *stage.trio.origins["wallet"].seen]
        assert {seen.headers.get("baggage") for seen in every} == {None}
    async with Stage() as stage:
        await stage.shown("ana")
        assert [seen.headers["authorization"] for seen in stage.candidate.seen] == ["Bearer token-of-ana-for-tables"]


def _release(digest: str, role: Role = Role.STABLE) -> Release:
    manifest = parse(b'{"name": "tables", "version": "1", "content": "/"}')
    return Release(
        "tables", digest, manifest, "http://127.0.0.1/manifest.json", b"", (), (), role=role, tag=f"{digest}.t"
    )


def test_form_of_a_page_from_before_the_preview_reaches_what_drew_it() -> None:
    """And after it nobody gets a form of the preview: its address names what is not there any more."""
    live, candidate = _release("live"), _release("next", Role.PREVIEW)
    snapshot = Snapshot(1, {"tables": live}, previews={"p": candidate})
    with showing(Preview("p", candidate, ENDS)):
        shown = snapshot_shown(snapshot)
        assert shown.drawn_by("tables", "") is live
        assert shown.drawn_by("tables", candidate.tag) is candidate
        assert shown.release_for("tables", "") is candidate
        assert snapshot_shown(Snapshot()).release_for("tables", "") is candidate
    assert snapshot_shown(snapshot) is snapshot
    assert snapshot.drawn_by("tables", candidate.tag) is None
    assert candidate in list(snapshot.in_use())
    assert current_preview() is None


def test_partition_of_a_tester_stays_the_one_it_is() -> None:
    """A drill of this browser goes on while it is shown a preview."""
    drill = Partition("anna", "signed")
    with within(drill), showing(Preview("p", _release("next"), ENDS)):
        assert current() is drill
    with showing(Preview("p", _release("next"), ENDS)):
        found = current()
        assert found is not None
        assert not found.travels
