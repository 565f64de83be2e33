"""The last outcomes of each fragment that were not fresh, in this process, for the fragment's own team.

Public: `OutcomeLines`, `OutcomeLine`.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bff.resilience.outcome import State
from shell.composition.ladder import Included

LINES_MAX = 200
ALIKE_S = 1.0


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """`times` outcomes of one kind within a second, the first of them at `at`. `role` is the release's to pages."""

    at: datetime
    slot: str
    version: str
    role: str
    state: str
    reason: str
    upstream: str
    detail: str
    ms: int
    times: int = 1


class OutcomeLines:
    """Bounded by the fragments that pages name; `now` is seconds since 1970."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lines: dict[str, deque[OutcomeLine]] = {}

    def note(self, included: Included) -> None:
        """An outcome; a fresh one costs a look."""
        if included.state is State.FRESH:
            return
        line = OutcomeLine(
            at=datetime.fromtimestamp(self._now(), UTC),
            slot=included.slot.name,
            version=included.version,
            role=str(included.release.role) if included.release else "",
            state=str(included.state),
            reason=str(included.reason or ""),
            upstream=included.upstream,
            detail=included.detail,
            ms=included.ms,
        )
        lines = self._lines.setdefault(included.slot.fragment, deque(maxlen=LINES_MAX))
        if lines and _alike(lines[-1], line):
            lines[-1] = replace(lines[-1], times=lines[-1].times + 1)
        else:
            lines.append(line)

    def of(self, fragment: str) -> list[OutcomeLine]:
        """The newest first."""
        return list(reversed(self._lines.get(fragment, ())))


def _alike(before: OutcomeLine, line: OutcomeLine) -> bool:
    alike = replace(line, at=before.at, ms=before.ms, times=before.times) == before
    return alike and (line.at - before.at).total_seconds() < ALIKE_S
