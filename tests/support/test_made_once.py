"""What a run makes once."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import made_once

ROOT = Path(__file__).parents[2]
MAKER = """
import sys, time
from pathlib import Path
from tests.support import made_once

def make(path):
    with (Path(sys.argv[1]) / "calls").open("a") as calls:
        calls.write("made\\n")
    path.write_text("half")
    time.sleep(0.2)
    path.write_text("whole")

made_once.use(sys.argv[1])
print(made_once.made_once("it", make).read_text())
"""


def test_several_processes_make_it_once_and_all_see_the_whole(tmp_path: Path) -> None:
    """Whoever comes second waits, and finds what the first one has made."""
    command = [sys.executable, "-c", MAKER, str(tmp_path)]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["whole\n"] * 3
    assert (tmp_path / "calls").read_text() == "made\n"


def test_what_could_not_be_made_is_made_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it is never taken for the whole."""
    monkeypatch.setattr(made_once._Shared, "path", tmp_path)

    def fail(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("no more room")

    with pytest.raises(RuntimeError):
        made_once.made_once("it", fail)
    assert made_once.made_once("it", lambda path: path.write_text("whole")).read_text() == "whole"
