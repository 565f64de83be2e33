"""How far an answer of the BFF may be believed, and the line that says so.

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
        """Whether a screen reader is told."""
        return self.tone != "good"


def as_of(moment: datetime | None, formats: Formats) -> AsOf | None:
    """`moment` for a page, None if there is none."""
    return AsOf(rfc3339(moment), formats.clock(moment)) if moment else None


def paused(what: str) -> str:
    """The one sentence for everything that would become a command while none is taken; `what` is in the plural.

    `kit/paused.html` holds the same for pages that stand open.
    """
    return f"{what} are paused: the cashier can not be reached right now."


def judge(answer: View[Any] | Failure, *, acts: bool = False, failure: Failure | None = None) -> Degraded | None:
    """None where `answer` is current; else why it is not.

    What `acts` offers commands on that data, so it is not current either while none is taken. `failure` is that of the
    call whose answer `answer` stands in for (`LastKnown.recall`).
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
