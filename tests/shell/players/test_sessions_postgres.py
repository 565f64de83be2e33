"""Sessions and sign-in over PostgreSQL: the same tests, in a run of their own, as one process has one database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.postgres_server import PostgresServer

HERE = Path(__file__).parent


TESTS = (HERE / "test_sessions.py", HERE / "test_sign_in.py")


@pytest.mark.timeout(300)
def test_sessions_end_and_begin_alike_over_postgresql(postgres: PostgresServer) -> None:
    """What is given, refused and said, also while the server locks or takes no writes."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *map(str, TESTS), "-n", "0", "-q"],
        env={**os.environ, "SHELL_DATABASE_URL": postgres.url("shell_sessions")},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:]
