"""The lines that belong to a page are found by its traces, whichever house wrote them."""

from pathlib import Path

import pytest

from tests.drills.evidence.logs import LINES_MAX, log_lines
from tests.drills.evidence.value import LogLine

pytestmark = pytest.mark.quick

OURS, OTHER = "a" * 32, "b" * 32


def test_lines_of_these_traces_are_found_in_both_files_oldest_first(tmp_path: Path) -> None:
    (tmp_path / "up.log.1").write_text(f"shell │ included slot=promotions trace_id={OURS}\nshell │ trace_id={OTHER}\n")
    (tmp_path / "up.log").write_text(f"up │ started\npromotions │ call_failed trace_id={OURS}\nno process {OURS}\n")
    assert log_lines(tmp_path / "up.log", [OURS]) == (
        LogLine("shell", OURS, f"included slot=promotions trace_id={OURS}"),
        LogLine("promotions", OURS, f"call_failed trace_id={OURS}"),
    )


def test_no_file_no_traces_no_lines(tmp_path: Path) -> None:
    assert log_lines(tmp_path / "up.log", [OURS]) == ()
    (tmp_path / "up.log").write_text("shell │ hello\n")
    assert log_lines(tmp_path / "up.log", []) == ()


def test_flood_of_lines_is_cut(tmp_path: Path) -> None:
    (tmp_path / "up.log").write_text(f"shell │ {OURS} {'x' * 5000}\n" * (LINES_MAX + 50))
    found = log_lines(tmp_path / "up.log", [OURS])
    assert len(found) == LINES_MAX
    assert max(len(line.text) for line in found) <= 600
