"""The deploy folder's `small`, two of everything over PostgreSQL: any one may die under load, and nothing is lost."""

from collections import Counter

import pytest

from tests.support.lobby import wait_for
from tests.support.small.installation import Small
from tests.support.small.ledger import assert_deposits, assert_sound
from tests.support.small.load import Load, loaded
from tests.support.small.manifests import deployments

pytestmark = [pytest.mark.full, pytest.mark.timeout(500)]
# Pages and deposits between two kills, so that each meets a load.
BETWEEN = (4, 2)
# A page that was half sent when its own shell was killed: three windows, at each of two kills.
CUT_PAGES_MAX = 6


@pytest.fixture(scope="module")
def small(postgres):
    with Small(postgres) as installation:
        yield installation


def go_on(load: Load) -> None:
    """Until pages have been opened and deposits been done once more."""
    pages, deposits = load.pages["whole"], len(load.deposits)
    wanted = (pages + BETWEEN[0], deposits + BETWEEN[1])
    wait_for(lambda: (load.pages["whole"], len(load.deposits)) >= wanted, 90, lambda: (load.pages, load.pressed))


def test_one_of_each_is_killed_under_load_and_nothing_is_lost(small):
    """No failed page, no lost or doubled command, and the read side says what the ledger says."""
    failed: dict[str, dict[str, int]] = {}
    with loaded(small) as load:
        go_on(load)
        assert load.failed == {}
        for each in deployments():
            before = Counter(load.failed)
            # Each in turn, so that of those that lead one does.
            for number in range(1, each.replicas + 1):
                small.kill(f"{each.name}#{number}")
                go_on(load)
            failed[each.name] = dict(Counter(load.failed) - before)
            print(each.name, load.pages["whole"], len(load.deposits), failed[each.name], flush=True)
    again = Counter(load.deposits.values())
    print(f"{load.pages}, {len(load.deposits)} deposits by presses {dict(again)}; slots {dict(load.slots)}")
    cut = failed.pop("shell")
    assert {name: what for name, what in failed.items() if what} == {}
    assert sum(cut.values()) <= CUT_PAGES_MAX
    assert_deposits(small, load)
    assert_sound(small)


def test_catalogue_has_its_games(small):
    """The fragment of games is one of those that there are two of, and a provider's list has come through to it."""
    names = {each.name for each in deployments()}
    assert "games" in names
    wait_for(lambda: "Sign in to play" in small.get("/games/")[1], 60, lambda: small.get("/games/")[1][-3000:])
