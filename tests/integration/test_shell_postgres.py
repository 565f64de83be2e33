"""Sessions and sign-in over PostgreSQL: the same tests, in a run of their own, as one process has one database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres_server import PostgresServer

HERE = Path(__file__).parent


@pytest.mark.parametrize("tests", ["test_shell_sessions.py", "test_shell_sign_in.py"])
def test_sessions_end_and_begin_alike_over_postgresql(postgres: PostgresServer, tests: str) -> None:
    """What is given, refused and said, also while the server locks or takes no writes."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", str(HERE / tests), "-n", "0", "-q"],
        env={**os.environ, "SHELL_DATABASE_URL": postgres.url(f"shell_{tests[:-3]}")},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:]
