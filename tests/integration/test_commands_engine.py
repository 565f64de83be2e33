"""The engine's own tests, the same over SQLite and over PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CASES = ROOT / "tests" / "integration" / "commands_house"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """An empty command database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'commands.sqlite3'}"
    return request.getfixturevalue("postgres").database("engine")


def test_engine_holds_over(database_url, postgres):
    """Every rule of the ledger holds over this database."""
    environment = {**os.environ, "DATABASE_URL": database_url, "DEBUG": "1", "COLUMNS": "120"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    settings = ["--settings", "bff.commands.settings"]
    django = [sys.executable, "-m", "django"]
    subprocess.run([*django, "migrate", "--noinput", *settings], cwd=ROOT, env=environment, check=True, timeout=60)
    cases = sorted(str(path) for path in CASES.glob("case_*.py"))
    assert len(cases) >= 1
    command = [sys.executable, "-m", "pytest", "-q", "--ds", "bff.commands.settings", "-p", "no:cacheprovider", *cases]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110)
    print(done.stdout[-6000:])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
