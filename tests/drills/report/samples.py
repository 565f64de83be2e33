"""An invented drill with evidence for tests of the report: small, with every member.

Public: `a_journal`, `an_evidence`, `a_sibling`, `put_run`, `PIXEL`.
"""

import base64
from pathlib import Path
from typing import Any

import msgspec

from tests.drills import journal, run_record
from tests.drills.evidence.value import (
    ActionCheck,
    AxeRun,
    ConsoleError,
    Evidence,
    File,
    LogLine,
    Picture,
    ServerTiming,
    SiblingDigest,
    Transition,
)
from tests.drills.journal import Expectation, Experiment, Findings, Hypothesis, Journal, MoneySum, Phases
from tests.drills.run_record import Cell, RunDrill, RunRecord
from tests.drills.verdict import Verdict

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def a_sibling(**changes: Any) -> SiblingDigest:
    """The wallet, not affected."""
    given: dict[str, Any] = {
        "slot": "wallet",
        "moment": "during",
        "against": "beside",
        "bytes": 412,
        "control_bytes": 412,
        "bytes_differ": 0,
        "digest": "00aa11bb22cc33dd",
        "control_digest": "00aa11bb22cc33dd",
        "text_same": True,
        "state": "fresh",
        "control_state": "fresh",
        "styled_elements": 23,
        "styles_differ": 0,
        "actions": (ActionCheck("a: Deposit", works=True), ActionCheck("read again", works=True)),
    }
    return SiblingDigest(**(given | changes))


def an_evidence(**changes: Any) -> Evidence:
    """Promotions slow by three seconds for thirty, for one session."""
    words = "Offers are out of reach. They return by themselves."
    given: dict[str, Any] = {
        "recording": "browser",
        "base_url": "http://localhost:8000",
        "path": "/",
        "began_at": "2026-03-01T12:00:00.000Z",
        "ended_at": "2026-03-01T12:00:40.000Z",
        "broken_slots": ("promotions",),
        "fault_began_ms": 2000,
        "fault_ended_ms": 32_000,
        "loads": 2,
        "statuses": {"200": 2},
        "trace_ids": ("0" * 31 + "1",),
        "timeline": (
            Transition(500, "wallet", "fresh", words="Balance €125.00"),
            Transition(520, "promotions", "fresh", words="8 offers run"),
            Transition(2400, "wallet", "fresh", words="Balance €125.00", load=2),
            Transition(2580, "promotions", "fallback", "timeout", words, load=2),
            Transition(9000, "promotions", "fallback", "breaker_open", words, load=2),
            Transition(35_300, "promotions", "fresh", words="8 offers run", load=2),
        ),
        "pictures": (
            Picture("before", "tester", 1000, "before-tester.png", 1280, 900),
            Picture("during", "tester", 3000, "during-tester.png", 1280, 900, {"promotions": (10, 600, 1200, 200)}),
            Picture("during", "control", 3000, "during-control.png", 1280, 900),
            Picture("after", "tester", 36_000, "after-tester.png", 1280, 900),
        ),
        "console_errors": (ConsoleError(2600, "tester", "WebSocket connection failed"),),
        "axe": (AxeRun("during"),),
        "siblings": (a_sibling(),),
        "server_timings": (ServerTiming(2580, "tester", "promotions", 400.0, "fallback"),),
        "log_lines": (LogLine("shell", "0" * 31 + "1", "included slot=promotions state=fallback reason=timeout"),),
        "files": (File("trace", "trace.zip", "application/zip", 4_000_000),),
        "missing": {"video": "no ffmpeg for this machine"},
    }
    return Evidence(**(given | changes))


def a_journal(name: str = "promotions-slow", verdict: Verdict = Verdict.HELD, **findings: Any) -> Journal:
    """A journal; keywords change its findings."""
    given: dict[str, Any] = {
        "sentence": "All 2 expectations held.",
        "hop": "shell:promotions",
        "fault": "latency",
        "attributes": {"latency": 3000},
        "scope": "session",
        "target": "http://localhost:8000",
        "phases": Phases(viewer="browser", fault_ms=30_000, detect_ms=580, contain_ms=610, recover_ms=3300),
        "expectations": [
            Expectation(subject="slot promotions", kind="state", expected="fallback", seen="fallback", held=True),
            Expectation(subject="sibling wallet", kind="bytes", expected="the same", seen="the same", held=True),
        ],
        "money": [MoneySum(player="amber", currency="EUR", before_minor=12_500, after_minor=12_500)],
        "evidence": an_evidence(),
    }
    return Journal(
        platform="linux",
        node="desk",
        experiment=Experiment(
            title="Promotions slow, for one tester",
            description="The wallet does not notice.",
            hypothesis=Hypothesis(title="all fresh"),
        ),
        start="2026-03-01T12:00:00+00:00",
        status="completed",
        deviated=verdict is Verdict.DEVIATED,
        end="2026-03-01T12:00:40+00:00",
        duration=40.0,
        mullion=Findings(drill=name, verdict=verdict, **(given | findings)),
    )


def put_run(
    folder: Path, *journals: Journal, cells: list[Cell] | None = None, start: str = "2026-03-01T12:00:00+00:00"
) -> Path:
    """A run's folder, with a picture for each one that a journal names."""
    drills = []
    for each in journals:
        found = each.mullion
        place = folder / found.drill
        journal.write(each, place)
        for picture in found.evidence.pictures if found.evidence else ():
            if "/" not in picture.path:
                (place / picture.path).write_bytes(PIXEL)
        drills.append(
            RunDrill(
                name=found.drill,
                title=each.experiment.title,
                verdict=found.verdict,
                sentence=found.sentence,
                folder=found.drill,
                duration_s=each.duration,
            )
        )
    record = RunRecord(
        start=start,
        end="2026-03-01T12:01:00+00:00",
        target="http://localhost:8000",
        command="drill all",
        drills=drills,
        cells=cells or [],
    )
    run_record.write(record, folder)
    return folder


def with_everywhere(value: Any, text: str) -> Any:
    """`value` with `text` in place of each free text in it."""
    decided = {"moment", "viewer", "aspect", "against", "recording", "kind", "path"}
    if isinstance(value, msgspec.Struct):
        changed = {
            name: with_everywhere(getattr(value, name), text) for name in value.__struct_fields__ if name not in decided
        }
        return msgspec.structs.replace(value, **changed)
    if isinstance(value, Verdict):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, dict):
        return {key if isinstance(item, int) else text: with_everywhere(item, text) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(with_everywhere(each, text) for each in value)
    return value
