"""Runs on disk, as a report reads them: a run's folder, or journals that somebody picked.

Public: `Run`, `Drilled`, `load`, `last_before`, `CanNotRead`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.drills import journal, run_record
from tests.drills.evidence.value import Evidence
from tests.drills.journal import Journal
from tests.drills.run_record import RunDrill, RunRecord


class CanNotRead(Exception):
    """A file is missing, or is not a journal; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Drilled:
    """One drill of a run. The files of its evidence are in `folder`. `evidence` is None if none was recorded."""

    journal: Journal
    folder: Path
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class Run:
    """`folder` is where the report is written."""

    folder: Path
    record: RunRecord
    drills: tuple[Drilled, ...]


def load(paths: Sequence[Path]) -> Run:
    """The run in a folder, or one composed of single journals. Raises `CanNotRead`."""
    if not paths:
        raise CanNotRead("Name a run's folder, or a journal.json.")
    first = paths[0].parent if paths[0].name == run_record.FILE else paths[0]
    if len(paths) == 1 and (first / run_record.FILE).is_file():
        record = _read_record(first)
        return Run(first, record, tuple(_read_drill(first / each.folder / journal.FILE) for each in record.drills))
    drills = tuple(_read_drill(path / journal.FILE if path.is_dir() else path) for path in paths)
    return Run(drills[0].folder, _record_of(drills), drills)


def last_before(run: Run) -> Run | None:
    """The newest earlier run of the same target in the same place with a common drill; unreadable ones are skipped."""
    if not (run.folder / run_record.FILE).is_file():
        return None
    earlier = []
    for file in run.folder.resolve().parent.glob(f"*/{run_record.FILE}"):
        try:
            record = _read_record(file.parent)
        except CanNotRead:
            continue
        shared = {each.name for each in record.drills} & {each.name for each in run.record.drills}
        if shared and record.start < run.record.start and record.target == run.record.target:
            earlier.append((record.start, file.parent))
    for _, folder in sorted(earlier, reverse=True):
        try:
            return load([folder])
        except CanNotRead:
            continue
    return None


def _read_record(folder: Path) -> RunRecord:
    try:
        return run_record.read(folder)
    except (OSError, ValueError) as error:
        raise CanNotRead(f"{folder / run_record.FILE} can not be read: {_why(error)}") from error


def _read_drill(file: Path) -> Drilled:
    try:
        found = journal.read(file)
    except (OSError, ValueError) as error:
        raise CanNotRead(f"{file} can not be read: {_why(error)}") from error
    return Drilled(found, file.parent, found.mullion.evidence)


def _why(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _record_of(drills: Sequence[Drilled]) -> RunRecord:
    journals = [each.journal for each in drills]
    return RunRecord(
        start=min(each.start for each in journals),
        end=max(each.end for each in journals),
        target=journals[0].mullion.target,
        command="",
        drills=[
            RunDrill(
                name=each.mullion.drill,
                title=each.experiment.title,
                verdict=each.mullion.verdict,
                sentence=each.mullion.sentence,
                folder="",
                duration_s=each.duration,
            )
            for each in journals
        ],
    )
