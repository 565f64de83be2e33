"""What scripts throw counts once a visitor, for the release that drew their page; alone it ends no trial by a few."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from django.test import AsyncClient, AsyncRequestFactory

from bff.contracts.manifest import parse
from shell.composition.release import Canary, Release, Role, Snapshot
from shell.page_views import page_view_token, visitor_of_page_view
from shell.registry import models
from shell.registry.analysis import AnalysisPolicy, Sample
from shell.registry.going_live import OLD_PAGES_S
from shell.registry.rollout import rollout_of, start_canary
from shell.registry.tallies import ReleaseTally, ScriptErrorSeen
from shell.registry.trial_controller import review
from shell.script_errors import report
from shell.wiring import parts

MANIFEST = parse(b'{"name": "poll", "version": "1", "content": "/"}')
LIVE, NEXT = "1" * 64, "2" * 64
NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
VISITORS = [f"{number:032x}" for number in range(200)]


def test_token_of_a_page_view_names_its_visitor_until_the_page_is_old() -> None:
    """And no other can be made of it."""
    token = page_view_token(VISITORS[1], 1000.9)
    assert visitor_of_page_view(token, 1000.0) == VISITORS[1]
    assert visitor_of_page_view(token, 1000 + OLD_PAGES_S) == VISITORS[1]
    assert visitor_of_page_view(token, 1001 + OLD_PAGES_S) == ""
    assert visitor_of_page_view(token, 999) == ""
    for forged in (
        token.replace(VISITORS[1], VISITORS[2]),
        token.replace(".1000.", ".2000."),
        token[:-1],
        "",
        "x" * 99,
    ):
        assert visitor_of_page_view(forged, 2000) == ""


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canary]:
    """Half of the visitors get release 2 of poll, in this process; nothing is counted yet."""

    def release(digest: str, role: Role, folder: str) -> Release:
        return Release("poll", digest, MANIFEST, "x", b"", css=(), js=(), folder=folder * 32, role=role)

    canary = Canary(release(NEXT, Role.CANARY, "b"), 5000, b"salt")
    releases = MappingProxyType({"poll": release(LIVE, Role.STABLE, "a")})
    monkeypatch.setattr(parts().registry, "current", Snapshot(1, releases, canaries={"poll": canary}))
    monkeypatch.setattr(parts().registry_throttle, "_here", {})
    parts().tally.take_script_errors()
    yield canary
    parts().tally.take_script_errors()


async def beacon(visitor: str, folder: str, *, token: str = "", address: str = "203.0.113.7", body: Any = None) -> int:
    view = token or page_view_token(visitor, time.time())
    content = body if body is not None else json.dumps({"view": view, "file": f"/assets/poll/{folder * 32}/"})
    request = AsyncRequestFactory().post("/script-errors/", content, content_type="text/plain")
    request.META["REMOTE_ADDR"] = address
    return (await report(request)).status_code


async def test_beacon_counts_once_a_visitor_for_the_release_that_drew_the_page(trial: Canary) -> None:
    """A visitor of the one can not speak for the other, nor for what is not on trial; a browser learns nothing."""
    ours = next(each for each in VISITORS if trial.takes(each))
    other = next(each for each in VISITORS if not trial.takes(each))
    for visitor, folder in ((ours, "b"), (ours, "b"), (ours, "a"), (other, "a"), (other, "b"), (ours, "c")):
        assert await beacon(visitor, folder) == 204
    seen = parts().tally.take_script_errors()
    assert sorted(each.digest for each in seen) == [LIVE, NEXT]
    assert ours not in str(seen), "whose browser it was is stored as a hash"


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "{}", '{"view": 1, "file": 2}', '{"view": "x", "file": "/assets/poll/x"}', "x" * 5000, "[" * 2000],
)
async def test_beacon_that_says_nothing_counts_nowhere(trial: Canary, body: str) -> None:
    """And is answered like any other."""
    assert await beacon(VISITORS[0], "b", body=body) == 204
    assert await beacon(VISITORS[0], "b", token="f" * 32 + ".1000." + "f" * 32) == 204
    assert await beacon(VISITORS[0], "../b") == 204
    assert parts().tally.take_script_errors() == set()


async def test_beacon_of_another_site_is_refused() -> None:
    """As is all that changes something and comes from elsewhere; nobody but a browser's POST is answered."""
    posted = await AsyncClient().post("/script-errors/", "{}", "text/plain", headers={"Sec-Fetch-Site": "cross-site"})
    assert posted.status_code == 403
    assert (await AsyncClient().get("/script-errors/")).status_code == 405


async def test_one_address_is_heard_a_few_times_a_minute(trial: Canary) -> None:
    """Whoever makes up visitors one after the other is not."""
    ours = [each for each in VISITORS if trial.takes(each)]
    for visitor in ours[:40]:
        await beacon(visitor, "b")
    assert len(parts().tally.take_script_errors()) == 30
    await beacon(ours[0], "b", address="203.0.112.7")
    assert len(parts().tally.take_script_errors()) == 1


@pytest.mark.parametrize("rented", ["203.0.113.{}", "2001:db8:7:{}::1"])
async def test_who_has_many_addresses_in_a_row_is_one_network(trial: Canary, rented: str) -> None:
    """Nobody rolls back a rival's release with one rented server."""
    ours = [each for each in VISITORS if trial.takes(each)]
    for number, visitor in enumerate(ours[:30]):
        await beacon(visitor, "b", address=rented.format(number + 1))
    assert len({each.network for each in parts().tally.take_script_errors()}) == 1
    await beacon(ours[30], "b", address="198.51.100.1")
    await beacon(ours[31], "b", address="2001:db8:8::1")
    assert len({each.network for each in parts().tally.take_script_errors()}) == 2


def test_flood_of_beacons_is_bounded() -> None:
    """What one process holds between two looks."""
    tally = ReleaseTally(Snapshot)
    for number in range(2000):
        tally.note_script_error(NEXT, f"{number:032x}", "n")
    assert len(tally.take_script_errors()) == 1000
    assert tally.take_script_errors() == set()


@pytest.fixture
def poll(transactional_db: None) -> None:
    for version in ("1", "2"):
        release = models.Release.objects.create(
            fragment="poll", version=version, digest=version * 64, manifest_url="x", manifest=b"{}", fallback=b"<p>x"
        )
        if version == "1":
            models.LiveRelease.objects.create(fragment="poll", release=release)
    start_canary("poll", percent=10, release="2", promotes=False, actor="team", now=NOW)


@pytest.mark.usefixtures("poll")
def test_few_visitors_make_a_trial_stand_still_and_many_end_it() -> None:
    """Of one network three count, however many it sends, and a visitor once."""
    counts = {NEXT: Sample(300), LIVE: Sample(300)}

    def look(second: int, visitors: range, network: str = "") -> str:
        seen = [ScriptErrorSeen(NEXT, f"v{number}", network or f"n{number}") for number in visitors]
        events = review(counts, AnalysisPolicy(), NOW + timedelta(seconds=second), seen)
        return events[0].event if events else ""

    assert look(2, range(100), "one network") == ""
    assert look(4, range(100), "another network") == "", "they have counted"
    assert look(6, range(100, 110)) == "trial_paused"
    view = rollout_of("poll")
    assert view is not None
    assert view.held_back == "a script threw for 13 visitors in 900 outcomes, beside 0 in 900"
    assert look(8, range(110, 115)) == "", "it stands still already"
    assert look(10, range(115, 160)) == "trial_rolled_back"
    assert models.AuditEntry.objects.order_by("-pk")[0].detail.startswith("a script threw for 63 visitors in 1500")
