"""A field that is renamed keeps its column: the release before runs on the same database meanwhile."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.mullion import ROOT


def test_renaming_a_field_changes_nothing_in_the_database(tmp_path: Path) -> None:
    """The migration is known to Django alone, so an earlier release reads and writes what it always did."""
    environ = {**os.environ, "DEBUG": "1", "MULLION_DATA": str(tmp_path)}
    command = [sys.executable, "manage.py", "sqlmigrate", "commands", "0011", "--settings", "bff.commands.settings"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    statements = [line for line in done.stdout.splitlines() if line and not line.startswith("--")]
    assert statements == ["BEGIN;", "COMMIT;"]
