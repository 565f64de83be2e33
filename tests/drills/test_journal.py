"""The journal of a drill: what Chaos Toolkit's tools find in it, and what it refuses to say."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.drills import journal, run_record, verdict
from tests.drills.journal import Activity, Experiment, Findings, Hypothesis, Journal
from tests.drills.run_record import Cell, RunDrill, RunRecord
from tests.drills.verdict import Verdict

# chaoslib.run.initialize_run_journal, and what its runner adds at the end.
CHAOSLIB = {
    "chaoslib-version", "platform", "node", "experiment", "start", "status", "deviated", "steady_states", "run",
    "rollbacks", "end", "duration",
}  # fmt: skip


def a_journal(**changes: Any) -> Journal:
    probe = Activity(type="probe", name="lobby", provider={"type": "http", "url": "http://localhost/"}, tolerance=200)
    experiment = Experiment(
        title="Promotions slow",
        description="promotions falls back, alone",
        hypothesis=Hypothesis(title="all fresh", probes=[probe]),
    )
    findings = Findings(drill="promotions-slow", verdict=Verdict.HELD, sentence="It held.")
    given: dict[str, Any] = {
        "platform": "linux",
        "node": "desk",
        "experiment": experiment,
        "start": "2026-03-01T12:00:00+00:00",
        "status": "completed",
        "deviated": False,
        "end": "2026-03-01T12:00:40+00:00",
        "duration": 40.0,
        "mullion": findings,
    }
    return Journal(**(given | changes))


def test_journal_has_the_fields_that_chaos_toolkit_writes_and_one_of_ours(tmp_path: Path) -> None:
    """The names under which its reporting looks things up too."""
    file = journal.write(a_journal(), tmp_path)
    found = json.loads(file.read_text("utf-8"))
    assert set(found) == CHAOSLIB | {"mullion"}
    assert found["experiment"]["steady-state-hypothesis"]["probes"][0]["tolerance"] == 200
    assert set(found["steady_states"]) == {"before", "after", "during"}
    assert [each.name for each in tmp_path.iterdir()] == [journal.FILE]


def test_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert journal.read(journal.write(a_journal(), tmp_path)) == a_journal()


def test_journal_can_not_deviate_and_hold(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="deviated must say what the verdict says"):
        a_journal(deviated=True)


@pytest.mark.parametrize("duration", [float("nan"), -1.0])
def test_journal_lasts_some_seconds(duration: float) -> None:
    with pytest.raises(ValueError, match="duration: seconds"):
        a_journal(duration=duration)


def test_journal_that_is_none_is_refused_with_its_place(tmp_path: Path) -> None:
    file = journal.write(a_journal(), tmp_path)
    file.write_text(file.read_text("utf-8").replace('"held"', '"fine"'), "utf-8")
    with pytest.raises(msgspec.ValidationError, match=r"\$\.mullion\.verdict"):
        journal.read(file)


def test_run_names_its_journals_and_its_cells(tmp_path: Path) -> None:
    journal.write(a_journal(), tmp_path / "promotions-slow")
    record = RunRecord(
        start="2026-03-01T12:00:00+00:00",
        end="2026-03-01T12:00:41+00:00",
        target="http://localhost:8000",
        command="drill run promotions-slow",
        drills=[
            RunDrill(
                name="promotions-slow",
                title="Promotions slow",
                verdict=Verdict.HELD,
                sentence="It held.",
                folder="promotions-slow",
                duration_s=40,
            )
        ],
        cells=[
            Cell(hop="shell:promotions", fault="latency", drill="promotions-slow"),
            Cell(hop="shell:promotions", fault="flood", absent="no WebSocket travels there"),
        ],
    )
    run_record.write(record, tmp_path)
    assert run_record.read(tmp_path) == record
    assert [*run_record.journals(tmp_path, record)] == [a_journal()]


@pytest.mark.parametrize("words", [{}, {"drill": "a", "absent": "b"}])
def test_cell_has_either_a_drill_or_a_reason(words: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="either a drill or a reason"):
        Cell(hop="shell:wallet", fault="flood", **words)


def test_each_verdict_has_an_exit_code_of_its_own() -> None:
    """Beside the one for misuse; and a run of several is as bad as its worst drill."""
    codes = [*verdict.EXIT_CODES.values(), verdict.MISUSE]
    assert (set(verdict.EXIT_CODES), len({*codes}), verdict.EXIT_CODES[Verdict.HELD]) == ({*Verdict}, len(codes), 0)
    assert verdict.worst([Verdict.HELD, Verdict.DEVIATED, Verdict.ABORTED]) is Verdict.DEVIATED
    assert verdict.worst([]) is Verdict.COULD_NOT_RUN
