"""Which visitors get a release on trial; a page view never mixes releases of a fragment, whatever is promoted
meanwhile."""

import json
import random
from dataclasses import replace
from types import MappingProxyType

import pytest

from bff.contracts.manifest import parse
from bff.contracts.partition import Partition
from bff.resilience.partition import within
from shell.composition.include import Include
from shell.composition.page import Page, Slot, Visit, split_tag
from shell.composition.release import SHARE_MAX, Canary, Release, Role, Snapshot
from shell.composition.upstreams import Upstreams

pytestmark = pytest.mark.quick
MANIFEST = parse(b'{"name": "poll", "version": "1", "content": "/"}')
VISITORS = [f"{random.Random(number).getrandbits(128):032x}" for number in range(10_000)]


def release(digest: str, role: Role = Role.STABLE, fragment: str = "poll") -> Release:
    url = "http://127.0.0.1/manifest.json"
    return Release(fragment, digest, MANIFEST, url, b"", css=(), js=(), role=role, tag=f"{digest}.signed")


STABLE, NEXT, OLD = release("stable"), release("next", Role.CANARY), release("old", Role.EARLIER)


def trial(percent: float, salt: bytes = b"poll/next/") -> Canary:
    return Canary(NEXT, round(percent * SHARE_MAX / 100), salt)


SNAPSHOT = Snapshot(
    1,
    MappingProxyType({"poll": STABLE}),
    canaries=MappingProxyType({"poll": trial(50)}),
    tagged=MappingProxyType({each.tag: each for each in (STABLE, NEXT, OLD)}),
    untagged=MappingProxyType({"poll": OLD}),
)


@pytest.mark.parametrize("percent", [0.5, 1, 10, 25, 50, 99])
def test_share_is_what_it_says_to_a_hundredth(percent: float) -> None:
    """10 % is 9 to 11 % of ten thousand visitors, for any trial."""
    for salt in (b"poll/next/", b"poll/another/", b"wallet/next/"):
        taken = sum(trial(percent, salt).takes(visitor) for visitor in VISITORS)
        assert abs(taken / len(VISITORS) * 100 - percent) <= 1


def test_visitor_always_gets_the_same_and_a_higher_share_only_adds() -> None:
    """Nobody who had it loses it while the share grows."""
    had: set[str] = set()
    for percent in (1, 5, 10, 50, 99.99):
        has = {visitor for visitor in VISITORS if trial(percent).takes(visitor)}
        assert has == {visitor for visitor in VISITORS if trial(percent).takes(visitor)}
        assert had < has
        had = has


def test_two_trials_meet_different_people() -> None:
    """Or the same few would be the first in everything."""
    one = {visitor for visitor in VISITORS if trial(10, b"one").takes(visitor)}
    other = {visitor for visitor in VISITORS if trial(10, b"other").takes(visitor)}
    assert 50 < len(one & other) < 200


def test_nobody_in_particular_gets_what_is_live() -> None:
    """A probe and a browser without a name are not tried on."""
    assert not trial(99.99).takes("")
    assert SNAPSHOT.release_for("poll", "") is STABLE
    assert SNAPSHOT.release_for("wallet", VISITORS[0]) is None


def test_slot_of_an_open_page_is_drawn_again_by_what_drew_it() -> None:
    """Whoever its visitor is by now; a slot with nothing to show heals by what is live."""
    taken = next(visitor for visitor in VISITORS if trial(50).takes(visitor))
    for visitor in ("", taken):
        for each in (STABLE, NEXT):
            assert SNAPSHOT.release_again("poll", each.tag, visitor, heals=True) is each
        assert SNAPSHOT.release_again("poll", OLD.tag, visitor, heals=False) is OLD
    assert SNAPSHOT.release_again("poll", OLD.tag, "", heals=True) is STABLE
    assert SNAPSHOT.release_again("poll", "rolled.back", taken, heals=False) is NEXT


@pytest.mark.parametrize(
    ("fragment", "tag", "drawn"),
    [
        ("poll", STABLE.tag, STABLE),
        ("poll", NEXT.tag, NEXT),
        ("poll", OLD.tag, OLD),
        ("poll", "", OLD),
        ("poll", "next.forged", None),
        ("wallet", NEXT.tag, None),
    ],
)
def test_form_reaches_what_drew_it_or_nobody(fragment: str, tag: str, drawn: Release | None) -> None:
    """A tag that was made up, or of another fragment, reaches nobody; a page from before the tags is the oldest's."""
    assert SNAPSHOT.drawn_by(fragment, tag) is drawn


def test_address_of_a_slot_names_its_release_and_is_read_again() -> None:
    """In its refetches and in its forms, which are below it."""
    page = Page("lobby", "/", "lobby.html", (Slot("poll", "poll"),))
    visit = Visit(page, {}, "en", "en-GB", "EUR", "http://testserver")
    include = Include(page.slots[0], visit, NEXT)
    assert include.prefix == "/slots/lobby/poll~next.signed"
    assert split_tag(include.prefix.rpartition("/")[2]) == ("poll", NEXT.tag)
    assert Include(page.slots[0], visit, replace(NEXT, tag="")).prefix == "/slots/lobby/poll"
    assert include.key != Include(page.slots[0], visit, STABLE).key


async def test_a_fragments_numbers_are_those_of_its_trial_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each of its guards, also in a partition; another fragment keeps those of all."""
    numbers = {"*": {"consecutive_max": 4}, "poll": {"consecutive_max": 3}, "poll.files": {"consecutive_max": 2}}
    monkeypatch.setenv("UPSTREAM_POLICIES", json.dumps(numbers))
    upstreams = Upstreams()
    other = replace(STABLE, fragment="other")
    for release, content, files in ((STABLE, 3, 2), (NEXT, 3, 2), (OLD, 3, 2), (other, 4, 4)):
        assert upstreams.of(release).policy.consecutive_max == content
        assert upstreams.files_of(release).policy.consecutive_max == files
        assert upstreams.actions_of(release).policy.consecutive_max == 4
        assert upstreams.api_of(release).policy.consecutive_max == 4
        assert upstreams.warming_of(release, 1).policy.consecutive_max == 4
    with within(Partition("tester", "a mark")):
        assert upstreams.of(NEXT).own().policy.consecutive_max == 3
    await upstreams.aclose()


async def test_trial_has_guards_of_its_own_and_begins_anew_when_it_is_live() -> None:
    """What breaks under it shuts nobody else out, and is no evidence in the fleet against what is live."""
    upstreams = Upstreams()
    stable, canary, earlier = (upstreams.of(each) for each in (STABLE, NEXT, OLD))
    assert [guard.name for guard in (stable, canary, earlier)] == ["poll", "poll.canary", "poll.earlier"]
    assert upstreams.actions_of(NEXT).name == "poll.canary.actions"
    assert upstreams.guards() == {"poll": stable}
    upstreams.retain(SNAPSHOT)
    assert upstreams.of(NEXT) is canary
    promoted = replace(NEXT, role=Role.STABLE)
    upstreams.retain(Snapshot(2, {"poll": promoted}))
    assert upstreams.of(promoted) is not canary
    await upstreams.aclose()
