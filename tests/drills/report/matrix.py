"""The matrix of hops and faults: verdicts, and why a cell has none.

Public: `Matrix`, `Cell`, `matrix_of`, `hit_nothing`.
"""

import string
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from tests.drills.journal import Findings
from tests.drills.proxy.faults import FAULTS
from tests.drills.report.runs import Run
from tests.drills.run_record import Cell as CoveredCell
from tests.drills.verdict import Verdict

SIGNS = {
    Verdict.HELD: ("held", "✓"),
    Verdict.DEVIATED: ("deviated", "✕"),
    Verdict.ABORTED: ("aborted", "■"),
    Verdict.COULD_NOT_RUN: ("could not run", "?"),
}
# For a cell that held although its fault hit nothing: it proves only that pages do without the hop.
UNHIT = "○"
NOT_RUN = "its drill was not part of this run"
NOT_RECORDED = "the run does not say"


@dataclass(frozen=True, slots=True)
class Cell:
    """`kind` is a verdict's value, or `absent`; `sign` is drawn, `words` are for screen readers; `anchor` links to the
    drill."""

    kind: str
    sign: str
    words: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    hop: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why cells have no drill: the letter in them, and how many there are."""

    letter: str
    words: str
    cells: str


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring columns of one layer."""

    name: str
    columns: str


@dataclass(frozen=True, slots=True)
class Matrix:
    groups: tuple[Group, ...]
    faults: tuple[str, ...]
    rows: tuple[Row, ...]
    reasons: tuple[Reason, ...]
    applicable: str
    held: str
    unhit: str
    absent: str


def matrix_of(run: Run) -> Matrix | None:
    """None if the run has no cells. `unhit` says how many held whose fault hit nothing; empty if none."""
    covered = run.record.cells
    if not covered:
        return None
    unhit = {each.journal.mullion.drill for each in run.drills if hit_nothing(each.journal.mullion)}
    verdicts = {each.name: each.verdict for each in run.record.drills}
    faults = [name for name in FAULTS if any(cell.fault == name for cell in covered)]
    faults += sorted({cell.fault for cell in covered} - set(faults))
    by_place = {(cell.hop, cell.fault): cell for cell in covered}
    hops = list(dict.fromkeys(cell.hop for cell in covered))
    table = [
        [by_place.get((hop, fault)) or CoveredCell(hop=hop, fault=fault, absent=NOT_RECORDED) for fault in faults]
        for hop in hops
    ]
    reasons = Counter(words for row in table for cell in row if (words := _reason(cell, verdicts)))
    letters = dict(zip(reasons, _letters(), strict=False))
    rows = tuple(
        Row(hop, tuple(_cell(cell, verdicts, letters, unhit) for cell in row))
        for hop, row in zip(hops, table, strict=True)
    )
    covering = [cell.kind for row in rows for cell in row.cells if cell.kind != "absent"]
    without = sum(cell.sign == UNHIT for row in rows for cell in row.cells)
    return Matrix(
        groups=tuple(_groups(faults)),
        faults=tuple(faults),
        rows=rows,
        reasons=tuple(Reason(letters[words], words, f"{number:,}") for words, number in reasons.items()),
        applicable=f"{len(covering):,}",
        held=f"{covering.count(Verdict.HELD):,}",
        unhit=f"{without:,}" if without else "",
        absent=f"{reasons.total():,}",
    )


def _reason(cell: CoveredCell, verdicts: dict[str, Verdict]) -> str:
    if cell.absent:
        return cell.absent
    return "" if cell.drill in verdicts else NOT_RUN


def hit_nothing(found: Findings) -> bool:
    """Whether the cell held and its countable fault hit nothing."""
    return found.verdict is Verdict.HELD and bool(found.hits) and not any(each.count for each in found.hits)


def _cell(cell: CoveredCell, verdicts: dict[str, Verdict], letters: dict[str, str], unhit: Collection[str]) -> Cell:
    where = f"{cell.hop}, {cell.fault}"
    if words := _reason(cell, verdicts):
        return Cell("absent", letters[words], f"{where}: none, {words}")
    verdict, sign = SIGNS[verdicts[cell.drill]]
    if cell.drill in unhit:
        sign, verdict = UNHIT, f"{verdict}, and the fault hit nothing"
    return Cell(str(verdicts[cell.drill]), sign, f"{where}: {verdict}", anchor=cell.drill)


def _groups(faults: Sequence[str]) -> Iterator[Group]:
    layers = [str(FAULTS[fault].layer.value) if fault in FAULTS else "other" for fault in faults]
    for layer in dict.fromkeys(layers):
        yield Group(layer, str(layers.count(layer)))


def _letters() -> Iterator[str]:
    """a to z, then aa, ab and so on."""
    yield from string.ascii_lowercase
    for first in string.ascii_lowercase:
        for second in string.ascii_lowercase:
            yield first + second
