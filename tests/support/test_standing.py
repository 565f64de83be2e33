"""Houses and browsers of a run end when the tests that need them have ended, in a run of pytest of its own."""

import subprocess
import sys
from pathlib import Path

from tests.support.mullion import ROOT

CONFTEST = """
import pytest
from tests.support.standing import Standing

def pytest_configure(config):
    config.pluginmanager.register(Standing(lambda id: id.split("::")[0], lambda group: "pages" in group))

def stands(name):
    @pytest.fixture(scope="session", name=name)
    def fixture():
        yield
        print(name, "ended")
    return fixture

house, browser = stands("_mullion_of_the_run"), stands("playwright")

@pytest.fixture(autouse=True)
def beginning(request):
    print(request.node.nodeid.split("::")[1], "begins")
"""
TESTS = {
    "1_pages": "def test_lobby(_mullion_of_the_run, playwright): pass\ndef test_table(): pass",
    "2_pages": "def test_forms(playwright): pass",
    "3_plain": "def test_loop(): pass",
}


def test_house_ends_with_its_group_and_the_browser_before_the_first_that_bears_none(tmp_path: Path) -> None:
    """In a folder below the one that pytest runs in, as `tests` is."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST)
    for name, text in TESTS.items():
        (tmp_path / "tests" / f"test_{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:playwright", "-p", "no:django", "-p", "no:xdist"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "tests"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert [line.strip(".") for line in done.stdout.splitlines() if line.endswith(("begins", "ended"))] == [
        "test_lobby begins",
        "test_table begins",
        "_mullion_of_the_run ended",
        "test_forms begins",
        "playwright ended",
        "test_loop begins",
    ], done.stdout + done.stderr
