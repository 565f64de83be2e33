"""The last outcomes of each fragment that were not fresh, in this process, for the fragment's own team.

Public: `OutcomeLines`, `OutcomeLine`.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
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
        self._lines: dict[str, deque[_Line]] = {}

    def note(self, included: Included) -> None:
        """An outcome; a fresh one costs a look, and of an outage the next one little more."""
        if included.state is State.FRESH:
            return
        at, fragment = self._now(), included.slot.fragment
        lines = self._lines.get(fragment)
        if lines is None:
            lines = self._lines[fragment] = deque(maxlen=LINES_MAX)
        if lines and lines[-1].takes(included, at):
            lines[-1].times += 1
        else:
            lines.append(_Line(at, included))

    def of(self, fragment: str) -> list[OutcomeLine]:
        """The newest first."""
        return [line.read() for line in reversed(self._lines.get(fragment, ()))]


class _Line:
    """The first outcome of a line, and how many it stands for."""

    __slots__ = ("at", "included", "times")

    def __init__(self, at: float, included: Included) -> None:
        self.at, self.included, self.times = at, included, 1

    def takes(self, included: Included, at: float) -> bool:
        """Whether an outcome at `at` is one more of these."""
        first = self.included
        return at - self.at < ALIKE_S and (included is first or _kind(included) == _kind(first))

    def read(self) -> OutcomeLine:
        first = self.included
        return OutcomeLine(
            at=datetime.fromtimestamp(self.at, UTC),
            slot=first.slot.name,
            version=first.version,
            role=str(first.release.role) if first.release else "",
            state=str(first.state),
            reason=str(first.reason or ""),
            upstream=first.upstream,
            detail=first.detail,
            ms=first.ms,
            times=self.times,
        )


def _kind(included: Included) -> tuple[object, ...]:
    release = included.release
    how = (included.state, included.reason, included.upstream, included.detail)
    return (included.slot.name, included.version, release.role if release else "", *how)
