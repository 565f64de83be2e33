"""The command database full, locked, read-only or gone: reads go on, commands are refused, nothing is half done."""

import contextlib
import ctypes
import json
import os
import resource
import secrets
import urllib.request

import psycopg
import pytest

from bff.contracts.wallet import SCOPE_READ
from tests.support.ledgers import ledger_on
from tests.support.money_house import MoneyHouse, eventually

PROCESSES = ("bff-commands", "relay", "projector", "bff-queries")


@pytest.fixture(scope="module")
def on_sqlite():
    with MoneyHouse(wanted=PROCESSES) as house:
        yield house


@pytest.fixture(scope="module")
def on_postgres(postgres):
    address = ledger_on(postgres, "faults")
    with MoneyHouse(database_url=address, wanted=PROCESSES) as house:
        house.address = address
        yield house


@contextlib.contextmanager
def full(house):
    """No file of the engine can grow any more, as on a full disk."""
    engine = house.processes["bff-commands"].pid
    _, hard = resource.prlimit(engine, resource.RLIMIT_FSIZE)
    resource.prlimit(engine, resource.RLIMIT_FSIZE, (64 * 1024, hard))
    yield
    resource.prlimit(engine, resource.RLIMIT_FSIZE, (hard, hard))


@contextlib.contextmanager
def locked(house):
    """Another connection holds the write lock and does not end."""
    let_go = house.lock_database(house.data / "commands.sqlite3")
    yield
    let_go()


@contextlib.contextmanager
def file_read_only(house):
    """The file is read-only, and the engine, which has an older handle, has to reopen it."""
    files = list(house.data.glob("commands.sqlite3*"))
    for file in files:
        file.chmod(0o444)
    house.kill("bff-commands")
    house.start("bff-commands", before=_as_no_root)
    house.wait_ready("bff-commands")
    yield
    for file in files:
        if file.exists():
            file.chmod(0o644)


def _as_no_root():
    """Root may write to read-only files; the command run after this may not (Linux: PR_CAPBSET_DROP of
    CAP_DAC_OVERRIDE)."""
    if os.geteuid() == 0:
        ctypes.CDLL(None, use_errno=True).prctl(24, 1, 0, 0, 0)


@contextlib.contextmanager
def table_locked(house):
    """Another connection holds the players' table."""
    with psycopg.connect(house.address) as other:
        other.execute("LOCK TABLE commands_player IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


@contextlib.contextmanager
def read_only(house):
    """A standby, or a database that was switched to read-only."""
    name = house.address.rpartition("/")[2]
    with psycopg.connect(house.address, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        yield
        admin.execute("SET default_transaction_read_only = off")
        admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


def view(house, player):
    """The wallet's view from the read side."""
    address = f"http://127.0.0.1:{house.ports['bff-queries']}/views/wallet"
    request = urllib.request.Request(address, headers={"Authorization": house.bearer(player, scopes=(SCOPE_READ,))})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def refused(house, player, key):
    """Whether a deposit is refused because of the database, in words; the command is the same each time."""
    status, answer = house.deposit(player, 300, key=key)
    if status in (200, 202, 409):
        return False
    assert (status, answer["code"]) == (503, "engine_down"), answer
    assert "Your balance is safe; try again with the same key." in answer["detail"]
    return True


def survive(house, fault):
    """What must still work during each of these faults."""
    player = f"pl_{secrets.token_hex(5)}"
    assert house.deposit(player, 1000)[1]["state"] == "done"
    eventually(lambda: house.real(player) == 1000)
    made, last = 0, secrets.token_hex(8)
    with fault:
        # A log with some free space takes a few more commands.
        while not refused(house, player, last):
            made, last = made + 1, secrets.token_hex(8)
            assert made < 50, "commands are refused"
        assert view(house, player)["data"]["balances"]["real_minor"] >= 1000
    eventually(lambda: house.deposit(player, 300, key=last)[1].get("state") == "done", within_s=60)
    expected = 1000 + 300 * (made + 1)
    eventually(lambda: view(house, player)["data"]["balances"]["real_minor"] == expected, within_s=60)
    assert house.manage("audit_ledger").stdout == "The books are sound.\n"
    assert len(house.payments.posts) == len(set(house.payments.posts)), "nobody is charged twice"


@pytest.mark.parametrize("fault", [full, locked, file_read_only])
def test_sqlite_that_can_not_be_written(fault, on_sqlite):
    """Full, locked or read-only: commands are refused in words, wallets are shown, and later each counts once."""
    survive(on_sqlite, fault(on_sqlite))


@pytest.mark.parametrize("fault", [table_locked, read_only])
def test_postgres_that_can_not_be_written(fault, on_postgres):
    """Locked or read-only: the same holds over PostgreSQL."""
    survive(on_postgres, fault(on_postgres))


def test_postgres_that_is_gone(on_postgres, postgres):
    """Killed: the engine refuses, and goes on by itself when the database is there again."""

    @contextlib.contextmanager
    def gone():
        postgres.stop()
        try:
            yield
        finally:
            postgres.start()

    survive(on_postgres, gone())
