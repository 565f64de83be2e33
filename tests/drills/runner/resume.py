"""Continues a run that ended early.

Public: `before`.
"""

from pathlib import Path

import msgspec

from tests.drills import run_record
from tests.drills.control import ControlRefused
from tests.drills.run_record import RunRecord
from tests.drills.verdict import Verdict

ENDED = frozenset({Verdict.HELD, Verdict.DEVIATED})


def before(folder: Path, target: str) -> RunRecord:
    """The run in `folder`, with only those of its drills that held or deviated. Raises `ControlRefused` if there is no
    run, or if it is of another target."""
    try:
        found = run_record.read(folder)
    except (OSError, ValueError) as problem:
        raise ControlRefused(f"--resume: no run can be read in {folder}: {problem}") from problem
    if found.target != target:
        raise ControlRefused(f"--resume: {folder} is a run of {found.target}, and this is {target}")
    return msgspec.structs.replace(found, drills=[each for each in found.drills if each.verdict in ENDED])
