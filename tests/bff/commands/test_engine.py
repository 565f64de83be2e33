"""Runs the engine's own tests over SQLite and over PostgreSQL, and operators' commands on its database."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support import preloaded
from tests.support.ledgers import FILE, ledger_file, ledger_on, migrated_file, migrated_on

CASES = Path(__file__).parent / "house"
# These restate or copy every player, and each case leaves players behind: with few players they take a tenth of the
# time.
RESTATING = (
    "case_partition_epochs.py",
    "case_partitions.py",
    "case_relays.py",
    "case_operators.py",
    "case_rebuild.py",
    "case_relay.py",
    "case_backup.py",
)

# Long sequences of what the other cases show one by one over both databases. What comes of them is the ledger's own,
# and over PostgreSQL they cost nearly as much as all others; in every run they are over SQLite.
FULL_OVER_POSTGRESQL = ("case_model.py", "case_model_limits.py", "case_partition_epochs.py")


def run(database_url, *arguments, module="django"):
    environment = {**os.environ, "DATABASE_URL": database_url, "DEBUG": "1", "COLUMNS": "120"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    if module == "django":
        arguments = (*arguments, "--settings", "bff.commands.settings")
    return preloaded.run(module, *map(str, arguments), env=environment, timeout=280)


def manage(database_url, *arguments):
    done = run(database_url, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def databases(postgres, tmp_path_factory):
    """A command database of each kind, migrated; the engine's cases fill them."""
    folder = tmp_path_factory.mktemp("engine")
    return {"sqlite": copied(migrated_file(), folder), "postgresql": migrated_on(postgres, "engine")}


def copied(template, folder):
    """The address of a copy of the SQLite database in the folder `template`."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    return f"sqlite:///{folder / FILE}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("vendor", "left_out"),
    [
        pytest.param("sqlite", (), id="sqlite"),
        pytest.param("postgresql", FULL_OVER_POSTGRESQL, id="postgresql"),
        pytest.param("postgresql", (), marks=pytest.mark.full, id="postgresql-all"),
    ],
)
def test_engine_holds_over(vendor, left_out, databases, request):
    """Every rule of the ledger holds over this database, whatever sequence of commands it gets."""
    cases = sorted(CASES.glob("case_*.py"), key=lambda case: (case.name not in RESTATING, case.name))
    cases = [case for case in cases if case.name not in left_out]
    assert len(cases) > len(FULL_OVER_POSTGRESQL) + len(RESTATING)
    settings = ("-q", "-n", "0", "--ds", "bff.commands.settings", "-p", "no:cacheprovider", "-p", "no:playwright")
    if request.config.pluginmanager.hasplugin("mullion-branches"):
        settings += ("-p", "tests.support.branches")
    # The tests' shared fixtures belong to another house; these cases have their own.
    done = run(databases[vendor], *settings, f"--confcutdir={CASES}", *cases, module="pytest")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


UPGRADE = """
from django.core.management import call_command
from django.db import connection
call_command("migrate", "commands", "0009", verbosity=0)  # rows are written as that release would write them
call_command("migrate", verbosity=0)
call_command("audit_ledger")
connection.cursor().execute("UPDATE commands_entry SET amount_minor = 1")
"""


@pytest.mark.parametrize("vendor", ["sqlite", "postgresql"])
def test_an_older_ledger_is_upgraded_where_it_stands(vendor, postgres, tmp_path):
    """Rows of before the providers' tables keep their sums, and entries still can not be changed."""
    url = ledger_on(postgres, "older") if vendor == "postgresql" else copied(ledger_file(), tmp_path)
    done = run(url, "shell", "--no-imports", "-c", UPGRADE)
    assert "The books are sound." in done.stdout, done.stderr
    assert "appended only" in done.stderr


RESTORE = """
from django.core.management import call_command
call_command("restore_commands", {copy!r})
call_command("audit_ledger")
"""


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_a_copy_restores_into_either_database(source, target, databases, postgres, tmp_path):
    """A backup is whole, goes back into a database of the other kind, and the books are sound there."""
    copy = tmp_path / "copy.jsonl.gz"
    other = migrated_on(postgres, "fresh") if target == "postgresql" else copied(migrated_file(), tmp_path / "fresh")
    written = manage(databases[source], "backup_commands", copy)
    restored = manage(other, "shell", "--no-imports", "-c", RESTORE.format(copy=str(copy)))
    assert written.split()[0] == restored.split()[0]
    assert "The books are sound." in restored
