"""The shell over PostgreSQL: sessions, sign-in and changes at one moment, in a run of their own.

One process has one database.
"""

import os
import re
from pathlib import Path

import pytest

from tests.support import preloaded
from tests.support.postgres_server import PostgresServer

HERE = Path(__file__).parent
TESTS = (
    HERE / "players" / "test_sessions.py",
    HERE / "players" / "test_sign_in.py",
    HERE / "registry" / "case_one_moment.py",
    HERE / "registry" / "test_immutable_rows.py",
)
# Those that would see another database: what is written by whom and read back, and what a database says that does not
# write. `.ci/full` runs the hashing and the flooding of stores over it too.
OF_THE_DATABASE = (
    "blocked or brings_no_session or everywhere or leave_their_revocations or not_be_written or broken or one_moment "
    "or append_only"
)


@pytest.mark.parametrize(
    "chosen", [OF_THE_DATABASE, pytest.param("test", marks=pytest.mark.full)], ids=["short", "all"]
)
@pytest.mark.timeout(300)
def test_shell_is_the_same_over_postgresql(postgres: PostgresServer, chosen: str) -> None:
    """What is given, refused and said, also while the server locks or takes no writes."""
    words = (*map(str, TESTS), "-k", chosen, "-n", "0", "-q", "-p", "no:playwright")
    environment = {**os.environ, "SHELL_DATABASE_URL": postgres.url("shell_sessions")}
    run = preloaded.run("pytest", *words, env=environment, timeout=280)
    assert run.returncode == 0, run.stdout[-6000:]
    assert int(re.findall(r"(\d+) passed", run.stdout)[0]) >= 15
