"""The requests of a publish: the addresses that pages will request, with the context of a player who has no account."""

import msgspec
import pytest

from bff.contracts.manifest import parse
from shell.composition.page import Page, PageTable, Slot, Visit
from shell.composition.release import Release
from shell.registry.sample_requests import NOBODY, sample_requests

pytestmark = pytest.mark.quick
SLOTS = (Slot("all", "poll"), Slot("one", "poll", "/table/{table}"), Slot("mine", "poll", "/mine"))
TABLE = Page("table", "/tables/{table}/", "table.html", SLOTS, samples={"table": "rl-7"})
LOBBY = Page("lobby", "/", "lobby.html", (Slot("again", "poll"), Slot("other", "other", "/other")))


def release() -> Release:
    shared = {"audience": "shared", "player_paths": ["/mine"]}
    manifest = parse(msgspec.json.encode({"name": "poll", "version": "1", "content": "/c", "mullion": shared}))
    return Release("poll", "d", manifest, "http://poll.test/manifest.json", b"", (), ())


def bearer(visit: Visit, audience: str, scopes: frozenset[str], life_s: int) -> str:
    return f"{visit.player}-for-{audience}"


def test_every_slot_of_every_page_is_asked_once_and_a_players_path_as_nobody_real() -> None:
    samples, notes = sample_requests(release(), PageTable([LOBBY, TABLE]), bearer)
    found = {each.request.url: dict(each.request.headers).get("authorization") for each in samples}
    assert found == {
        "http://poll.test/c": None,
        "http://poll.test/c/table/rl-7": None,
        "http://poll.test/c/mine": f"Bearer {NOBODY}-for-poll",
    }
    assert notes == ()


def test_page_without_samples_is_said_and_a_release_of_no_page_is_asked_for_its_content() -> None:
    bare = Page("bare", "/bare/{table}/", "table.html", (Slot("one", "poll", "/table/{table}"),))
    assert sample_requests(release(), PageTable([bare]), bearer) == (
        (),
        ("content: bare.one was not asked for, as pages.bare declares no samples",),
    )
    [sample] = sample_requests(release(), PageTable([]), bearer)[0]
    assert sample.request.url == "http://poll.test/c"
