"""Who may be drilled, and that one drill runs at a time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.drills.runner import guard, lock
from tests.drills.runner.guard import Environment, Guarded, NotAllowed
from tests.support.mullion import ROOT

LIST = Guarded(
    environments=[
        Environment(name="this machine", targets=["http://localhost:*"], scopes=["everyone", "session"]),
        Environment(name="staging", targets=["https://staging.example.com"], for_s_max=60),
    ]
)
LOCK_HELD = (
    "import pathlib, signal, sys, time\n"
    "from tests.drills.runner import lock\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\n"
    "with lock.locked(pathlib.Path(sys.argv[1]), 'drill run a'):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(60)\n"
)


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://localhost:14600/"])
def test_this_machine_may_be_drilled_for_everyone(url: str) -> None:
    assert guard.allow(url, ["everyone"], 30, guard.load()).name == "this machine"
    assert guard.allow("https://staging.example.com:443", ["session"], 30, LIST).name == "staging"


@pytest.mark.parametrize(
    ("url", "scope", "for_s", "sentence"),
    [
        ("https://casino.example.com", "session", 1, "https://casino.example.com is not on the list of environments"),
        ("http://localhost.example.com:80", "session", 1, "is not on the list"),
        ("https://localhost:8000", "session", 1, "is not on the list"),
        ("https://staging.example.com:444", "session", 1, "is not on the list"),
        (
            "https://staging.example.com",
            "everyone",
            1,
            "staging may be drilled with the scope session only, because others use it",
        ),
        (
            "https://staging.example.com",
            "session",
            61,
            "staging may be broken for at most 60 s, and this drill lasts 61",
        ),
        ("http://localhost:8000@casino.example.com", "session", 1, "is not the address of a site"),
        ("file:///etc/passwd", "session", 1, "is not the address of a site"),
        ("http://localhost:x", "session", 1, "is not an address"),
        ("http://localhost:8000/path", "session", 1, "is not the address of a site"),
    ],
)
def test_environment_that_is_not_listed_is_refused_with_the_reason(
    url: str, scope: str, for_s: float, sentence: str
) -> None:
    with pytest.raises(NotAllowed) as refused:
        guard.allow(url, [scope], for_s, LIST)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "environments: 1", "environments: [{name: a}]", "[", "x: !!python/name:os.system"]
)
def test_list_that_can_not_be_read_allows_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "list.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(NotAllowed, match="is not a list of environments that may be drilled"):
        guard.load(file)
    with pytest.raises(NotAllowed, match="is not a list"):
        guard.load(tmp_path / "none.yaml")


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", LOCK_HELD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_second_drill_is_refused_and_the_first_can_be_halted(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(lock.Busy, match=f"Another drill runs .drill run a, process {holder.pid}."):
        lock.locked(tmp_path, "drill run b").__enter__()
    assert lock.halt(tmp_path) == "drill run a was halted, and what it broke is healed."
    assert holder.wait(5) == 4
    assert lock.halt(tmp_path) == "No drill runs."


def test_killed_runner_leaves_the_next_one_free(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(5)
    assert lock.halt(tmp_path) == "No drill runs."
    with lock.locked(tmp_path, "drill run b"):
        pass


def test_nothing_runs_where_nothing_ever_ran(tmp_path: Path) -> None:
    assert lock.halt(tmp_path) == "No drill runs."
