"""A field that is renamed keeps its column: the release before runs on the same database meanwhile."""

import os
from pathlib import Path

from tests.support.ledgers import manage


def test_renaming_a_field_changes_nothing_in_the_database(tmp_path: Path) -> None:
    """The migration is known to Django alone, so an earlier release reads and writes what it always did."""
    environ = {**os.environ, "DEBUG": "1", "MULLION_DATA": str(tmp_path)}
    environ.pop("DJANGO_SETTINGS_MODULE", None)
    done = manage(environ, "sqlmigrate", "commands", "0011")
    assert done.returncode == 0, done.stderr
    statements = [line for line in done.stdout.splitlines() if line and not line.startswith("--")]
    assert statements == ["BEGIN;", "COMMIT;"]
