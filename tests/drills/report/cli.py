"""The verb `report` of `manage.py drill`: a page and JUnit XML from journals on disk, without running anything.

Public: `add_verb`, `main`, `FOLDER`.
"""

import argparse
from pathlib import Path

from tests.drills import run_record
from tests.drills.report.runs import CanNotRead

# The folder of runs in the data root; each run has a folder named by its time.
FOLDER = "drills"


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the verb with its arguments."""
    report = verbs.add_parser("report", help="write a report page and JUnit XML from journals on disk")
    report.add_argument(
        "journals",
        nargs="*",
        type=Path,
        metavar="JOURNAL",
        help="a run's folder, or journal.json files; the last run if left out",
    )
    report.add_argument(
        "--compare-with", type=Path, metavar="FOLDER", help="the run to compare with; the one before it if left out"
    )
    report.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="where to write report.html and junit.xml; beside the journals if left out",
    )


def main(given: argparse.Namespace, root: Path) -> str:
    """Writes both files; returns the lines to print. `root` is the data root. Raises `CanNotRead`."""
    # Imported here, because other commands need no template engine.
    from tests.drills.report.write import write_report

    paths = given.journals or [_last_run(root)]
    try:
        made = write_report(paths, compare_with=given.compare_with, folder=given.to)
    except OSError as error:
        raise CanNotRead(f"The report can not be written: {error.strerror}: {error.filename}") from error
    return f"{made.report.verdict}: {made.report.sentence}\nReport: {made.html}\nJUnit:  {made.junit}"


def _last_run(root: Path) -> Path:
    """The folder of the newest run that has a record."""
    runs = sorted(file.parent for file in (root / FOLDER).glob(f"*/{run_record.FILE}"))
    if not runs:
        raise CanNotRead("There is no run yet. Make one with: manage.py drill run promotions-slow")
    return runs[-1]
