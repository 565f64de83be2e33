"""The read side is rebuilt from the ledger while players go on reading it."""

import asyncio
import contextlib
import os
import secrets
import sqlite3
import threading
import time
from datetime import UTC, datetime

import pytest

from bff.broker import connect
from bff.contracts.ledger import BALANCES_COMPARED, BalancesCompared
from bff.contracts.ledger_partition import partition_of
from bff.queries.requests import publish_request
from bff.store import Store, StorePolicy
from tests.support import preloaded
from tests.support.money_house import MoneyHouse, eventually

MONTH = datetime.now(UTC).strftime("%Y-%m")
PLAYS_EVERY_S = 0.1
PATIENT = StorePolicy(connect_ms=1000, op_ms=2000)


@pytest.fixture(scope="module")
def house():
    # Only the command repairs the tampered records of these tests.
    with MoneyHouse(extra={"COMMANDS_COMPARE_S": "0", "LEDGER_PARTITIONS": "2"}) as running:
        eventually(lambda: is_settled(running), what="nothing is shown in two partitions")
        yield running


def is_settled(house):
    """All players were restated in the epoch that begins with two partitions, and both partitions report so."""
    [(epoch,)] = house.books("select epoch from commands_relaystate")
    ledger = house.read(feeds=["ledger"]).feeds["ledger"]
    shown = (ledger.state, ledger.data) == ("live", {"epoch": epoch})
    return shown and house.health("relay")["partitions"] == [0, 1]


def player():
    return f"pl_{secrets.token_hex(5)}"


def rich(house, deposits=1):
    who = player()
    for _ in range(deposits):
        assert house.deposit(who, 100)[1]["state"] == "done"
    eventually(lambda: house.real(who) == 100 * deposits)
    return who


def bend(house, changes):
    """Overwrites data of records as a wrong projection would, under their own sequence."""

    async def write():
        store = Store.connect(house.valkey.url, PATIENT)
        for topic, data in changes.items():
            record = await store.get(topic)
            sequence = record.sequence if record else (await store.get("wallet.pl_birch")).sequence
            house.forget(topic)
            await store.put(topic, data, feed="ledger", sequence=sequence)
        await store.aclose()

    asyncio.run(write())


def bend_demo_players(house):
    wallet = house.wallet("pl_birch")
    bend(
        house,
        {
            "wallet.pl_birch": {**wallet, "balances": {**wallet["balances"], "real_minor": 1}},
            f"month.pl_amber.{MONTH}": {"player": "pl_amber", "month": MONTH, "pages": {}},
        },
    )


def test_rebuild_mends_what_is_bent_and_nobody_ages_meanwhile(house):
    """Bent and surplus records are as the ledger says afterwards, under the same epoch, and the wallet stays live."""
    who = rich(house, deposits=25)
    sequence = house.read(f"wallet.{who}").records[f"wallet.{who}"].sequence
    before = house.read(f"wallet.{who}", f"history.{who}.0", f"history.{who}.1", f"month.{who}.{MONTH}").records
    bend_demo_players(house)
    page = before[f"history.{who}.0"].data
    bend(house, {f"history.{who}.0": {**page, "lines": []}, f"history.{who}.2": {**page, "page": 2}})
    states, looking = set(), threading.Event()

    def snapshot():
        while not looking.is_set():
            states.add(house.read(feeds=["ledger"]).feeds["ledger"].state)
            time.sleep(0.05)

    watching = threading.Thread(target=snapshot)
    watching.start()
    done = house.manage("rebuild_views")
    looking.set()
    watching.join()
    assert "0 shadows were refused" in done.stdout
    assert ", 0 differ." in done.stdout
    assert "rebuilding 100 %" in done.stderr
    assert "comparing 100 %" in done.stderr
    assert states == {"live"}
    assert house.real("pl_birch") == 4000
    after = house.read(*before, f"history.{who}.2").records
    assert after[f"history.{who}.2"] is None, "what the ledger does not know is gone"
    for topic, record in before.items():
        assert after[topic].data == record.data
        assert after[topic].sequence == (sequence[0], sequence[1] + 1)
    assert house.deposit(who, 1)[1]["state"] == "done"
    eventually(lambda: house.real(who) == 2501)


def test_comparison_alone_finds_and_names_what_is_bent(house):
    """Nothing is changed by it, its exit code is 1, and each difference is a line; a new epoch mends it too."""
    bend_demo_players(house)
    bent = house.manage("rebuild_views", "--compare-only", check=False)
    assert bent.returncode == 1
    assert "pl_birch: real_minor is 1 instead of 4000" in bent.stdout
    assert f"pl_amber: opening in {MONTH} is nothing instead of [1, 12500, 0]" in bent.stdout
    assert house.real("pl_birch") == 1
    before = house.read("wallet.pl_birch").records["wallet.pl_birch"].sequence
    assert ", 0 differ." in house.manage("rebuild_views", "--new-epoch").stdout
    assert house.real("pl_birch") == 4000
    assert house.read("wallet.pl_birch").records["wallet.pl_birch"].sequence[0] > before[0]


def test_a_rebuild_of_one_partition_mends_its_players_and_leaves_the_others_as_they_are(house):
    """What is bent in the other partition stays so, and goes on being shown, until that one is rebuilt too."""
    bend_demo_players(house)
    assert [partition_of(f"player:pl_{name}", 2) for name in ("amber", "birch")] == [0, 1]
    other = house.read("wallet.pl_amber").records["wallet.pl_amber"]
    assert ", 0 differ." in house.manage("rebuild_views", "--partition", "1").stdout
    assert house.real("pl_birch") == 4000
    assert house.read("wallet.pl_amber").records["wallet.pl_amber"] == other
    bent = house.manage("rebuild_views", "--partition", "0", "--compare-only", check=False)
    assert bent.returncode == 1
    assert "pl_amber: opening" in bent.stdout
    assert "pl_birch" not in bent.stdout
    assert ", 0 differ." in house.manage("rebuild_views", "--partition", "0").stdout


def test_operators_see_what_waits_in_each_partition(house):
    """In one table, on the health pages and in the metrics of those who send and apply; without a broker it is said."""
    eventually(lambda: house.health("relay")["backlog_by_partition"] == {"0": 0, "1": 0})
    none = {"events": 0, "seconds": 0.0}
    eventually(lambda: house.health("projector")["lag"] == {"0": none, "1": none})

    def nothing_waits():
        rows = [line.split() for line in house.manage("ledger_partitions").stdout.splitlines()]
        waits = [(row[0], *row[2:6]) for row in rows[1:3]]
        assert all(len(row) == 7 for row in rows[1:3]), "the last is the partition's epoch"
        return waits == [("0", "0", "0", "0.0", "s"), ("1", "0", "0", "0.0", "s")]

    # Heartbeats are events too: now and then one is under way.
    eventually(nothing_waits)
    house.kill("projector")
    assert house.deposit("pl_birch", 100)[1]["state"] == "done"

    def unapplied(place):
        return int(house.manage("ledger_partitions").stdout.splitlines()[1 + place].split()[3])

    eventually(lambda: unapplied(1) >= 2)
    house.start("projector")
    house.wait_ready("projector")
    eventually(lambda: house.health("projector")["lag"] == {"0": none, "1": none})
    house.valkey.stop()
    try:
        away = house.manage("ledger_partitions", check=False)
    finally:
        house.valkey.start()
    assert away.returncode == 1
    assert "wait in the outbox; nothing is lost." in away.stderr


def test_shadow_that_differs_from_the_ledger_is_never_shown(house):
    """A player whose lines are not all there keeps the old records, is named, and can go on playing."""
    who = rich(house, deposits=3)
    books = house.data / "commands.sqlite3"
    with contextlib.closing(sqlite3.connect(books)) as ledger, ledger:
        ledger.execute("UPDATE commands_player SET lines = lines + 1 WHERE player_id = ?", [who])
    done = house.manage("rebuild_views", check=False)
    assert done.returncode == 1
    assert f"{who} was left as it was: {who}: 3 lines of 4 are there" in done.stdout
    assert "1 shadows were refused" in done.stdout
    assert house.real(who) == 300
    with contextlib.closing(sqlite3.connect(books)) as ledger, ledger:
        ledger.execute("UPDATE commands_player SET lines = lines - 1 WHERE player_id = ?", [who])
    assert house.deposit(who, 50)[1]["state"] == "done"
    eventually(lambda: house.real(who) == 350)
    assert "0 shadows were refused" in house.manage("rebuild_views").stdout


def test_rebuild_that_is_killed_goes_on_where_it_was(house):
    """Command and projector are killed in the middle of it, with commands under way; the second call does the rest."""
    for who in [player() for _ in range(90)]:
        house.command("set-deposit-limit", who, {"period": "day", "amount_minor": 100, "currency": "EUR"})
    playing = rich(house)
    ended = threading.Event()

    def play():
        while not ended.is_set():
            house.deposit(playing, 1)
            ended.wait(PLAYS_EVERY_S)

    playing_on = threading.Thread(target=play)
    playing_on.start()
    try:
        lines, end = os.pipe()
        command = ("django", "rebuild_views", "--settings", "bff.commands.settings")
        running = preloaded.start(*command, env=house.environment, stderr=end)
        os.close(end)
        with open(lines) as progress:
            assert any("rebuilding 30 %" in line for line in progress)
            house.kill("projector")
            running.kill()
            running.wait()
        [(after,)] = house.books("select after from commands_rebuild")
        assert after
        house.start("projector")
        done = house.manage("rebuild_views")
    finally:
        ended.set()
        playing_on.join()
    assert "going on with the rebuild that was begun at" in done.stderr
    assert "0 shadows were refused" in done.stdout
    assert ", 0 differ." in done.stdout
    assert not house.books("select * from commands_rebuild")
    [(ledger,)] = house.books(
        f"select balance_minor from commands_account where kind = 'real' and player_id = '{playing}'"
    )
    eventually(lambda: house.real(playing) == ledger)


def answer_others(house, over):
    """A projector's answers to the relay, which compares all the time."""

    async def answer():
        broker = connect(house.valkey.url)
        while not over.is_set():
            await publish_request(broker, BALANCES_COMPARED, ("another", 0), BalancesCompared("another", 0, 1, 0, []))
            await asyncio.sleep(0.2)
        await broker.aclose()

    asyncio.run(answer())


def test_rebuild_without_a_projector_says_so_and_keeps_what_is_done(house):
    """Nobody answers it, though others are answered: the command ends by itself and says what to do."""
    house.kill("projector")
    code = (
        "import sys\n"
        "from bff.commands.management.commands import rebuild_views\n"
        "from django.core.management import CommandError, call_command\n"
        "rebuild_views.SILENCE_S_MAX = 2\n"
        "try: call_command('rebuild_views')\n"
        "except CommandError as error: sys.exit(str(error))\n"
    )
    over = threading.Event()
    answering = threading.Thread(target=answer_others, args=(house, over))
    answering.start()
    try:
        done = house.manage("shell", "-c", code, check=False)
    finally:
        over.set()
        answering.join()
    assert done.returncode == 1
    assert "the projector has not answered for 2 s. What was done so far stands; call this again" in done.stderr
    house.start("projector")
    assert ", 0 differ." in house.manage("rebuild_views").stdout
