"""Command databases to begin with, migrated once a run: each house and test gets a copy.

Public: `manage`, `migrated_file`, `ledger_file`, `migrated_on`, `ledger_on`. A migrated database is as `migrate` alone
leaves it; in a new ledger the demo players have their opening balances, too.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support import preloaded
from tests.support.made_once import made_once
from tests.support.postgres_server import PostgresServer

FILE = "commands.sqlite3"
MIGRATED, LEDGER = "migrated_ledger", "new_ledger"


def manage(environment: Mapping[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    """One of the engine's management commands, run to its end."""
    words = [*map(str, arguments), "--settings", "bff.commands.settings"]
    return preloaded.run("django", *words, env=environment)


def _manage(arguments: tuple[str, ...], **where: str) -> None:
    environment = {**os.environ, "DEBUG": "1", **where}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    done = manage(environment, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def migrated_file() -> Path:
    """The folder of a migrated SQLite database, `FILE`: to be copied and not to be written to."""

    def make(folder: Path) -> None:
        folder.mkdir()
        _manage(("migrate", "--noinput"), MULLION_DATA=str(folder))

    return made_once(MIGRATED, make)


def ledger_file() -> Path:
    """The same of a new ledger."""

    def make(folder: Path) -> None:
        shutil.copytree(migrated_file(), folder)
        _manage(("seed_demo",), MULLION_DATA=str(folder))

    return made_once(LEDGER, make)


def migrated_on(postgres: PostgresServer, name: str) -> str:
    """The address of a migrated database of that name; an older one is dropped."""

    def make(dump: Path) -> None:
        _manage(("migrate", "--noinput"), DATABASE_URL=postgres.url("in_the_making"))
        postgres.dump("in_the_making", dump)

    return _copied(postgres, name, MIGRATED, lambda: made_once(f"{MIGRATED}.sql", make))


def ledger_on(postgres: PostgresServer, name: str) -> str:
    """The address of a database with a new ledger, for a `MoneyHouse`; an older one is dropped."""

    def make(dump: Path) -> None:
        _manage(("seed_demo",), DATABASE_URL=migrated_on(postgres, "in_the_making"))
        postgres.dump("in_the_making", dump)

    return _copied(postgres, name, LEDGER, lambda: made_once(f"{LEDGER}.sql", make))


def _copied(postgres: PostgresServer, name: str, template: str, dumped: Callable[[], Path]) -> str:
    if not postgres.has(template):
        postgres.load(dumped(), template)
    return postgres.url(name, template=template)
