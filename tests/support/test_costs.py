"""What tells the costs of the suite, and what its own run measures."""

import subprocess
import sys

import pytest

from tests.support.cpu_seconds import spent_s, spent_since
from tests.support.watched import is_watched

pytestmark = pytest.mark.quick

PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
BURN = "import time\nwhile time.process_time() < 0.3: pass"


def test_seconds_of_a_child_are_counted_while_it_lives_and_after_it() -> None:
    """A house that runs on costs those who use it; one that has ended is not forgotten."""
    before = spent_s()
    with subprocess.Popen([sys.executable, "-c", BURN + "\nprint(flush=True)\ninput()"], **PIPES) as child:
        assert child.stdout is not None
        child.stdout.readline()
        alive = spent_s() - before
        child.communicate(b"\n")
    assert 0.28 <= alive <= spent_s() - before + 0.02


@pytest.mark.parametrize(("readings", "spent"), [([7.0], 7.0), ([2.0, 7.0], 7.0), ([2.0] * 9, 2.0)])
def test_reading_that_misses_a_house_is_taken_again(readings: list[float], spent: float) -> None:
    """Or the next test would be charged with the whole of it; less than before for good is what a killed house took."""
    assert spent_since(5.0, iter(readings).__next__) == spent


@pytest.mark.parametrize(
    ("nodeid", "watched"),
    [
        ("tests/bff/resilience/test_breaker.py::test_opens", True),
        ("tests/shell/composition/test_include.py::test_fresh", True),
        ("tests/shell/composition/test_include.py::test_500_waiting_slots_are_no_stampede", False),
        ("tests/bff/resilience/test_machines.py::TestBreakerMachine::runTest", False),
        ("tests/bff/commands/house/case_rebuild.py::test_rebuild", True),
        ("tests/bff/projector/test_kills.py::test_kills", False),
        ("tests/shell/pages/test_pages.py::test_resilience_of_pages", False),
    ],
)
def test_branches_are_measured_while_their_own_short_tests_run(nodeid: str, watched: bool) -> None:
    assert is_watched(nodeid) is watched


def test_over_postgresql_only_that_is_measured_which_asks_for_the_database() -> None:
    """All cases run over both; what one of them has measured is not measured again."""
    folder, server = "tests/bff/commands/house", "postgres://mullion@127.0.0.1/engine"
    assert is_watched(f"{folder}/case_backup.py::test_back", server)
    assert not is_watched(f"{folder}/case_rebuild.py::test_rebuild", server)
    assert is_watched(f"{folder}/case_rebuild.py::test_rebuild", "sqlite:///commands.sqlite3")
