"""What `up` prints, and the file into which it copies that on request."""

import io
from pathlib import Path

import pytest

from shell.operations.up import console
from shell.operations.up.console import Console

pytestmark = pytest.mark.quick


def test_what_is_written_down_is_what_is_printed_without_its_colours(tmp_path: Path) -> None:
    """The file is truncated at each run, so that it holds the lines of this run only."""
    file = tmp_path / "up.log"
    file.write_text("of another run\n")
    printed = io.StringIO()
    written = Console(["shell"], printed, {}, file=file)
    written.say("starting")
    written.log("shell", "\x1b[31mincluded\x1b[0m slot=wallet")
    assert file.read_text("utf-8") == "up │ starting\nshell │ included slot=wallet\n"
    assert "included slot=wallet" in printed.getvalue()


def test_what_is_written_down_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "FILE_BYTES_MAX", 1000)
    written = Console(["shell"], io.StringIO(), {}, file=tmp_path / "up.log")
    for number in range(200):
        written.log("shell", f"line {number} {'x' * 50}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["up.log", "up.log.1"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2500
    assert "line 199" in (tmp_path / "up.log").read_text("utf-8")


def test_nothing_is_written_down_where_nobody_wants_it(tmp_path: Path) -> None:
    Console(["shell"], io.StringIO(), {}).say("starting")
    assert [*tmp_path.iterdir()] == []
