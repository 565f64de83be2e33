"""Decides whether a BFF view is current, and the note that a slot shows if it is not.

Public: `judge`, `paused`, `Note`, `AsOf`, `as_of`.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from bff.contracts.view import View
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit.answer import Degraded, rfc3339
from fragments.kit.formats import Formats


@dataclass(frozen=True, slots=True)
class AsOf:
    """A moment for `<time>`: `iso` for programs, `text` for people."""

    iso: str
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """The one line about a slot's condition. `before` and `after` stand around the moment, if there is one.

    Only a `warn` or `bad` note is announced: a page in good health is silent.
    """

    tone: Literal["good", "warn", "bad"]
    before: str
    moment: AsOf | None = None
    after: str = ""

    @property
    def announced(self) -> bool:
        """Whether screen readers announce the note."""
        return self.tone != "good"


def as_of(moment: datetime | None, formats: Formats) -> AsOf | None:
    """`moment` for a page, None if there is none."""
    return AsOf(rfc3339(moment), formats.clock(moment)) if moment else None


def paused(what: str) -> str:
    """The sentence for forms while the engine takes no commands; `what` is in the plural.

    `kit/paused.html` holds the same for pages that stand open.
    """
    return f"{what} are paused: the cashier can not be reached right now."


def judge(answer: View[Any] | Failure, *, acts: bool = False, failure: Failure | None = None) -> Degraded | None:
    """None where `answer` is current; else why it is not. With `acts`, the slot offers commands on the data, so it also
    counts as not current while the engine takes none. `failure` is that of the call whose answer `answer` stands in for
    (`LastKnown.recall`).
    """
    if isinstance(answer, Failure):
        return Degraded.by(answer)
    freshness = answer.freshness
    if failure is not None:
        return replace(Degraded.by(failure), as_of=freshness.as_of)
    if freshness.state == "live" and answer.data is not None:
        return Degraded(Reason.ENGINE_DOWN, freshness.as_of) if acts and answer.commands == "paused" else None
    reason = Reason.FEED_STALE if freshness.state == "stale" and answer.data is not None else Reason.FEED_DOWN
    return Degraded(reason, freshness.as_of)
