"""A ledger that lost its end: its file was restored, or a failover lost commits. No view shows what it no longer
contains."""

import secrets
import shutil
import time

import pytest

from tests.bff.projector.test_restore import ask
from tests.support.ledgers import ledger_on
from tests.support.money_house import MoneyHouse, eventually

PROCESSES = ("bff-commands", "relay", "projector", "bff-queries")
BOOKS = ("bff-commands", "relay")


class FileLedger:
    """A ledger in SQLite whose file can be restored, as from a snapshot of its disk."""

    def __init__(self, house):
        self.house = house

    def keep(self):
        for path in self.house.data.glob("commands.sqlite3*"):
            shutil.copy2(path, self.house.data / f"kept-{path.name}")

    def put_back(self):
        for path in self.house.data.glob("commands.sqlite3*"):
            path.unlink()
        for path in self.house.data.glob("kept-*"):
            shutil.copy2(path, self.house.data / path.name.removeprefix("kept-"))


class ServerLedger:
    """A ledger in PostgreSQL that becomes what its replica was: an asynchronous one, which had not got the end."""

    def __init__(self, postgres):
        self.postgres = postgres

    def keep(self):
        self.postgres.copy("setback", "setback_kept")

    def put_back(self):
        self.postgres.copy("setback_kept", "setback")


@pytest.fixture(scope="module")
def house_and_ledger(request):
    """A house, and the means to save and restore its ledger."""
    if request.param == "sqlite":
        with MoneyHouse(wanted=PROCESSES) as house:
            yield house, FileLedger(house)
        return
    postgres = request.getfixturevalue("postgres")
    with MoneyHouse(wanted=PROCESSES, database_url=ledger_on(postgres, "setback")) as house:
        yield house, ServerLedger(postgres)


def stop_books(house):
    for name in BOOKS:
        house.kill(name)


def start_books(house):
    for name in BOOKS:
        house.start(name)
    for name in BOOKS:
        house.wait_ready(name)


def grown_since_its_backup(house, ledger):
    """A player who had 700 when the ledger was saved, and has deposited 800 since."""
    who = f"pl_{secrets.token_hex(5)}"
    house.deposit(who, 700)
    eventually(lambda: shown(house, who) == ("live", 700))
    stop_books(house)
    ledger.keep()
    start_books(house)
    house.deposit(who, 800)
    return who


def shown(house, player):
    """Freshness and balance in the view, as soon as it has any."""

    def answer():
        status, view = ask(house, player, "wallet")
        return view if status == 200 else None

    view = eventually(answer)
    return view["freshness"]["state"], view["data"] and view["data"]["balances"]["real_minor"]


def live_again(house, player, real):
    """Once a wallet was shown as stale, it is not live again before it shows the ledger's state."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        state, found = shown(house, player)
        if state == "live":
            assert found == real, "what the ledger does not hold was shown as live"
            return
        time.sleep(0.02)
    raise AssertionError("the wallet is not live again")


# The projector's reaction is the same over both databases, and the tests below put back a ledger in SQLite.
@pytest.mark.parametrize(
    "house_and_ledger", ["postgresql", pytest.param("sqlite", marks=pytest.mark.full)], indirect=True
)
def test_a_ledger_that_was_put_back_begins_an_epoch_and_phantom_money_is_never_live(house_and_ledger):
    """Its last position is before the mark, in the same epoch, and nothing else happens."""
    house, ledger = house_and_ledger
    who = grown_since_its_backup(house, ledger)
    eventually(lambda: shown(house, who) == ("live", 1500))
    [(epoch,)] = house.books("select epoch from commands_relaystate")
    stop_books(house)
    ledger.put_back()
    eventually(lambda: shown(house, who)[0] != "live")
    start_books(house)
    live_again(house, who, 700)
    assert house.books("select epoch from commands_relaystate") > [(epoch,)]
    assert house.deposit(who, 5)[1]["state"] == "done"
    eventually(lambda: shown(house, who) == ("live", 705))


# The test above shows that a server's ledger can be put back; the projector's reaction is the same over both databases.
@pytest.mark.parametrize(
    "house_and_ledger", ["sqlite", pytest.param("postgresql", marks=pytest.mark.full)], indirect=True
)
def test_a_ledger_that_overtook_the_mark_with_other_events_is_found_out(house_and_ledger):
    """More happened since than was lost, before anybody looked: positions go on, and the events are others."""
    house, ledger = house_and_ledger
    who, others = grown_since_its_backup(house, ledger), [f"pl_{secrets.token_hex(5)}" for _ in range(6)]
    eventually(lambda: shown(house, who) == ("live", 1500))
    [(epoch,)] = house.books("select epoch from commands_relaystate")
    stop_books(house)
    house.kill("projector")
    ledger.put_back()
    start_books(house)
    for other in others:
        house.deposit(other, 100)
    eventually(lambda: house.books("select count(*) from commands_outboxrow where published_at is null") == [(0,)])
    eventually(lambda: shown(house, who)[0] != "live")
    house.start("projector")
    live_again(house, who, 700)
    assert house.books("select epoch from commands_relaystate") > [(epoch,)]
    eventually(lambda: all(shown(house, other) == ("live", 100) for other in others))
    assert ", 0 differ." in house.manage("rebuild_views", "--compare-only").stdout


# The engine's cases test over both databases which epoch begins.
@pytest.mark.parametrize("house_and_ledger", ["sqlite"], indirect=True)
def test_a_ledger_from_before_the_last_replay_begins_an_epoch_after_it(house_and_ledger):
    """It speaks of an epoch that everybody has left; what it begins sorts after the one that it does not know."""
    house, ledger = house_and_ledger
    who = grown_since_its_backup(house, ledger)
    house.manage("rebuild_views", "--new-epoch")
    eventually(lambda: shown(house, who) == ("live", 1500))
    [(epoch,)] = house.books("select epoch from commands_relaystate")
    stop_books(house)
    ledger.put_back()
    eventually(lambda: shown(house, who)[0] != "live")
    start_books(house)
    live_again(house, who, 700)
    assert house.books("select epoch from commands_relaystate") > [(epoch,)]
