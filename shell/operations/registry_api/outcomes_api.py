"""Recent outcomes of a fragment with their reasons, and warnings that name it, for its team, from this process.

Public: `router`, `OutcomesView`.
"""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from ninja import Router

from shell.composition.fragment_log import LogLine
from shell.composition.outcome_lines import OutcomeLine
from shell.operations.status import trial_of
from shell.wiring import parts

router = Router()


@dataclass(frozen=True, slots=True)
class OutcomesView:
    """The last minute by state, the newest outcome, the newest lines about what was not fresh, and the newest warnings
    of the log that name the fragment (forms and calls that failed, what was taken out of its HTML); newest first.

    Of the one process that answers: each shell process has its own.
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


@router.get("/fragments/{fragment}/outcomes", response=OutcomesView)
async def outcomes(request: HttpRequest, fragment: str) -> OutcomesView:
    """How the fragment's slots end just now, why, and since when, in the shell process that answers."""
    record = parts().recent_outcomes.records().get(fragment)
    guard = parts().upstreams.guards().get(fragment)
    return OutcomesView(
        fragment=fragment,
        counts=record.counts if record else {},
        state=str(record.last.state) if record else "",
        reason=str(record.last.reason or "") if record else "",
        detail=record.last.detail if record else "",
        at=record.at if record else None,
        breaker=str(guard.breaker.position) if guard else "",
        trial=trial_of(parts().registry.current, fragment),
        lines=parts().outcome_lines.of(fragment),
        log=parts().fragment_log.of(fragment),
    )
