"""The record of one run: its drills, and the matrix of hops and faults.

Public: `RunRecord`, `RunDrill`, `Cell`, `read`, `write`, `journals`, `FILE`.

It is `run.json` in the run's folder, which has a subfolder for each journal.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.drills import journal
from tests.drills.journal import Journal
from tests.drills.verdict import Verdict

FILE = "run.json"


class Cell(msgspec.Struct, kw_only=True):
    """A hop and a fault. Either `drill` is the name of the drill that covers it, or `absent` says why there is none."""

    hop: str
    fault: str
    drill: str = ""
    absent: str = ""

    def __post_init__(self) -> None:
        if bool(self.drill) == bool(self.absent):
            raise ValueError(f"{self.hop} × {self.fault}: either a drill or a reason")


class RunDrill(msgspec.Struct, kw_only=True):
    """`folder` is relative to `run.json`."""

    name: str
    title: str
    verdict: Verdict
    sentence: str
    folder: str
    duration_s: float


class RunRecord(msgspec.Struct, kw_only=True):
    """`target` is the address that was drilled; `command` what the person typed, of a run that was continued each
    command in its order; moments are ISO 8601 in UTC."""

    start: str
    end: str
    target: str
    command: str
    drills: list[RunDrill] = []
    cells: list[Cell] = []


def write(record: RunRecord, folder: Path) -> Path:
    """Writes the record to `folder`, atomically; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    draft, file = folder / f"{FILE}.draft", folder / FILE
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    draft.replace(file)
    return file


def read(folder: Path) -> RunRecord:
    """Raises `ValueError` with the place of the error, or `OSError`."""
    return msgspec.json.decode((folder / FILE).read_bytes(), type=RunRecord)


def journals(folder: Path, record: RunRecord) -> Iterator[Journal]:
    """The journals of the run in `folder`, in its order."""
    for drill in record.drills:
        yield journal.read(folder / drill.folder / journal.FILE)
