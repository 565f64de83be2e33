"""Recent outcomes of a fragment with their reasons, and warnings that name it, for its team, from all shell processes.

Public: `router`, `OutcomesView`.
"""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from ninja import Router

from shell.composition.fragment_log import LogLine
from shell.composition.fragment_report import merged
from shell.composition.outcome_lines import OutcomeLine
from shell.operations.status import trial_of
from shell.wiring import parts

router = Router()


@dataclass(frozen=True, slots=True)
class OutcomesView:
    """The last minute by state, the newest outcome, the newest lines about what was not fresh, and the newest warnings
    of the log that name the fragment (forms and calls that failed, what was taken out of its HTML); newest first.

    Each shell process has its own; `processes` says how many of them are in it.
    """

    fragment: str
    counts: dict[str, int]
    state: str
    reason: str
    detail: str
    at: datetime | None
    breaker: str
    trial: str
    lines: list[OutcomeLine]
    log: list[LogLine]
    processes: int


@router.get("/fragments/{fragment}/outcomes", response=OutcomesView)
async def outcomes(request: HttpRequest, fragment: str) -> OutcomesView:
    """How the fragment's slots end just now, why, and since when, in every shell process that says so in time."""
    reports = await parts().fragment_reports.of(fragment)
    report = merged(reports)
    return OutcomesView(
        fragment=fragment,
        counts=report.counts,
        state=report.state,
        reason=report.reason,
        detail=report.detail,
        at=report.at,
        breaker=report.breaker,
        trial=trial_of(parts().registry.current, fragment),
        lines=report.lines,
        log=report.log,
        processes=len(reports),
    )
