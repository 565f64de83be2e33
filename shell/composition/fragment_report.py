"""How one fragment does, for its own team: in one shell process, and over several.

Public: `FragmentReport`, `Sources`, `merged`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from bff.resilience.guard import Guard
from shell.composition import fragment_log, outcome_lines
from shell.composition.fragment_log import FragmentLog, LogLine
from shell.composition.outcome_lines import OutcomeLine, OutcomeLines
from shell.composition.recent_outcomes import RecentOutcomes


@dataclass(frozen=True, slots=True)
class FragmentReport:
    """The last minute by state, the newest outcome, the newest lines, newest first. `at` is None where nobody came."""

    counts: dict[str, int]
    state: str
    reason: str
    detail: str
    at: datetime | None
    breaker: str
    lines: list[OutcomeLine]
    log: list[LogLine]


@dataclass(frozen=True, slots=True)
class Sources:
    """What one process knows it by."""

    recent: RecentOutcomes
    lines: OutcomeLines
    log: FragmentLog
    guards: Callable[[], Mapping[str, Guard]]

    def report(self, fragment: str) -> FragmentReport:
        record = self.recent.records().get(fragment)
        guard = self.guards().get(fragment)
        return FragmentReport(
            counts=record.counts if record else {},
            state=str(record.last.state) if record else "",
            reason=str(record.last.reason or "") if record else "",
            detail=record.last.detail if record else "",
            at=record.at if record else None,
            breaker=str(guard.breaker.position) if guard else "",
            lines=self.lines.of(fragment),
            log=self.log.of(fragment),
        )


def merged(reports: Sequence[FragmentReport]) -> FragmentReport:
    """All of them as one; there is one at least. Where breakers differ, each position is said with how many have it."""
    counts = Counter[str]()
    for each in reports:
        counts.update(each.counts)
    newest = max(reports, key=lambda each: each.at.timestamp() if each.at else 0.0)
    lines = sorted(chain.from_iterable(each.lines for each in reports), key=lambda line: line.at, reverse=True)
    log = sorted(chain.from_iterable(each.log for each in reports), key=lambda line: line.at, reverse=True)
    return FragmentReport(
        counts=dict(counts),
        state=newest.state,
        reason=newest.reason,
        detail=newest.detail,
        at=newest.at,
        breaker=_breakers([each.breaker for each in reports if each.breaker]),
        lines=lines[: outcome_lines.LINES_MAX],
        log=log[: fragment_log.LINES_MAX],
    )


def _breakers(positions: list[str]) -> str:
    found = Counter(positions)
    if len(found) < 2:
        return "".join(found)
    return ", ".join(f"{position} in {count} of {len(positions)}" for position, count in sorted(found.items()))
