"""Puts a report beside the journals that it is made of.

Public: `write_report`, `Written`, `HTML`, `JUNIT`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.drills.report.junit import junit
from tests.drills.report.page import html
from tests.drills.report.runs import Run, last_before, load
from tests.drills.report.view import Report, report_of

HTML, JUNIT = "report.html", "junit.xml"


@dataclass(frozen=True, slots=True)
class Written:
    """Where the report is, and what it says first."""

    html: Path
    junit: Path
    report: Report


def write_report(paths: Sequence[Path], *, compare_with: Path | None = None, folder: Path | None = None) -> Written:
    """The report of a run's folder, or of journals, into `folder` or beside the first of them.

    It is compared with the run in `compare_with`, or with the last one of the same system beside it. Raises
    `CanNotRead`, and `OSError` where it can not be written.
    """
    run = load(paths)
    last: Run | None = load([compare_with]) if compare_with else last_before(run)
    report = report_of(run, last)
    target = folder or run.folder
    target.mkdir(parents=True, exist_ok=True)
    return Written(
        _put(target / HTML, html(report).encode("utf-8")),
        _put(target / JUNIT, junit(run)),
        report,
    )


def _put(file: Path, content: bytes) -> Path:
    """Whole or not at all."""
    draft = file.with_name(f"{file.name}.draft")
    draft.write_bytes(content)
    return draft.replace(file)
