"""The engine's own tests, the same over SQLite and over PostgreSQL, and what operators do with its database."""

import gzip
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CASES = ROOT / "tests" / "integration" / "commands_house"


def run(database_url, *arguments, module="django"):
    environment = {**os.environ, "DATABASE_URL": database_url, "DEBUG": "1", "COLUMNS": "120"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    if module == "django":
        arguments = (*arguments, "--settings", "bff.commands.settings")
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110)


def manage(database_url, *arguments):
    done = run(database_url, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def databases(postgres, tmp_path_factory):
    """A command database of each kind, migrated; the engine's cases fill them."""
    folder = tmp_path_factory.mktemp("engine")
    urls = {"sqlite": f"sqlite:///{folder / 'commands.sqlite3'}", "postgresql": postgres.url("engine")}
    for url in urls.values():
        manage(url, "migrate", "--noinput")
    return urls


@pytest.mark.parametrize("vendor", ["sqlite", "postgresql"])
def test_engine_holds_over(vendor, databases):
    """Every rule of the ledger holds over this database, whatever sequence of commands it gets."""
    cases = sorted(CASES.glob("case_*.py"))
    assert len(cases) >= 2
    settings = ("-q", "--ds", "bff.commands.settings", "-p", "no:cacheprovider", "--durations=5")
    done = run(databases[vendor], *settings, *cases, module="pytest")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_a_copy_restores_into_either_database(source, target, databases, postgres, tmp_path):
    """A backup is whole, goes back into a database of the other kind, and the books are sound there."""
    manage(databases[source], "seed_demo")
    copy = tmp_path / "copy.jsonl.gz"
    fresh = f"sqlite:///{tmp_path / 'fresh.sqlite3'}" if target == "sqlite" else postgres.url("fresh")
    manage(fresh, "migrate", "--noinput")
    written = manage(databases[source], "backup_commands", copy)
    restored = manage(fresh, "restore_commands", copy)
    assert written.split()[0] == restored.split()[0]
    assert "The books are sound." in restored
    assert "already there" in manage(fresh, "seed_demo")
    again = run(fresh, "restore_commands", copy)
    assert again.returncode == 1
    assert "not empty" in again.stderr


def test_damaged_copies_are_refused(databases, tmp_path):
    """Half a copy, a changed one and something else are told apart from a whole one, and nothing is written."""
    copy, fresh = tmp_path / "copy.jsonl.gz", f"sqlite:///{tmp_path / 'fresh.sqlite3'}"
    manage(databases["sqlite"], "seed_demo")
    manage(databases["sqlite"], "backup_commands", copy)
    manage(fresh, "migrate", "--noinput")
    whole = gzip.decompress(copy.read_bytes())
    damaged = {
        "cut": gzip.compress(whole[: len(whole) // 2].rpartition(b"\n")[0] + b"\n"),
        "changed": gzip.compress(whole.replace(b"12500", b"92500")),
        "torn": copy.read_bytes()[:-20],
        "other": b"not a copy",
    }
    for name, content in damaged.items():
        copy.write_bytes(content)
        done = run(fresh, "restore_commands", copy)
        assert done.returncode == 1, name
        assert "CommandError" in done.stderr, name
        assert "Traceback" not in done.stderr, name
    assert "opening balance given" in manage(fresh, "seed_demo")


def test_audit_finds_what_was_bent(tmp_path):
    """A wrong balance, a changed entry and a hold of nobody each get a line, and the exit code is 1."""
    path = tmp_path / "commands.sqlite3"
    url = f"sqlite:///{path}"
    manage(url, "migrate", "--noinput")
    manage(url, "seed_demo")
    assert run(url, "audit_ledger").returncode == 0
    with sqlite3.connect(path) as books:
        books.execute("drop trigger commands_entry_no_update")
        books.execute("update commands_entry set amount_minor = amount_minor + 7 where amount_minor = 4000")
        books.execute("update commands_account set balance_minor = 5 where kind = 'held' and player_id = 'pl_amber'")
    done = run(url, "audit_ledger")
    assert done.returncode == 1
    assert "its entries sum to 7 GBP" in done.stdout
    assert "pl_birch: real is kept as 4000, its entries say 4007" in done.stdout
    assert "holds: pl_amber: 5 is held, withdrawals hold 0" in done.stdout
    assert "audit 100 %" in done.stderr


def test_operators_decide_withdrawals_and_bonuses(tmp_path):
    """The commands say what they did, and refuse in a sentence."""
    url = f"sqlite:///{tmp_path / 'commands.sqlite3'}"
    manage(url, "migrate", "--noinput")
    manage(url, "seed_demo")
    assert "bonus given" in manage(url, "grant_bonus", "pl_amber", "500", "--reference", "sorry")
    assert "given before" in manage(url, "grant_bonus", "pl_amber", "500", "--reference", "sorry")
    for arguments, sentence in {
        ("grant_bonus", "pl_nobody", "5", "--reference", "x"): "There is no player pl_nobody.",
        ("grant_bonus", "pl_amber", "-5", "--reference", "x"): "Enter an amount above zero.",
        ("withdrawals", "--pay", "rc_x"): "There is no withdrawal rc_x.",
    }.items():
        done = run(url, *arguments)
        assert done.returncode == 1
        assert sentence in done.stderr
    assert manage(url, "withdrawals") == "0 held.\n"
