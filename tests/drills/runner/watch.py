"""Everything that was looked at in one drill, and how it is said.

Public: `Watch`, `FRESH`, `LATE`, `expected`, `is_`, `seconds`.
"""

from dataclasses import dataclass, field

from bff.resilience.reason import Reason
from tests.drills.journal import Expectation
from tests.drills.runner.page import SlotView, View

FRESH = "fresh"
# Two visits of the same moments: a busy machine makes one late, and then the other.
SAME_MOMENTS_S = 5.0
# What a machine that has too much to do makes of a slot without any fault. A breaker that opened is one of them: a
# tester's has few calls to judge by, so that one late moment opens it.
LATE = frozenset({Reason.TIMEOUT, Reason.CONNECT_TIMEOUT, Reason.STORE_DOWN, Reason.BREAKER_OPEN})


@dataclass(slots=True)
class Watch:
    """All visits of one drill, in order. `began` and `ended` are the moments at which the first fault was on and the
    last one over; `controls` are visits without the fault, in everybody's outage those from before it."""

    began: float
    ended: float
    views: list[View] = field(default_factory=list)
    controls: list[View] = field(default_factory=list)
    aborted: str = ""

    def ms(self, at: float) -> float:
        return round((at - self.began) * 1000, 1)

    def ms_of(self, view: View | None) -> float | None:
        return None if view is None else self.ms(view.at)

    @property
    def during(self) -> list[View]:
        return [view for view in self.views if self.began <= view.at < self.ended]

    @property
    def touching(self) -> list[View]:
        """Those too that had begun before: where the way to the page is slow, there may be no other."""
        return [view for view in self.views if view.at < self.ended and view.at + view.took_ms / 1000 >= self.began]

    @property
    def after(self) -> list[View]:
        return [view for view in self.views if view.at >= self.ended]

    @property
    def is_beside(self) -> bool:
        """Whether there were visits without the fault while it lasted."""
        return any(control.at >= self.began for control in self.controls)

    def controls_of(self, view: View) -> list[View]:
        """What `view` is compared with: controls of the same moments, or where there are none beside, those before."""
        if not self.is_beside:
            return self.controls
        first, last = view.at - SAME_MOMENTS_S, view.at + view.took_ms / 1000 + SAME_MOMENTS_S
        return [control for control in self.controls if first <= control.at <= last]

    def is_of_the_fault(self, slot: str, view: View) -> bool:
        """Whether how `slot` is in `view` is of the fault.

        It is not where a control was the same in the same moments, nor where it is late while a control was late with
        any slot, as nothing is broken there.
        """
        seen = view.slots.get(slot)
        for control in self.controls_of(view):
            if control.problem:
                continue
            if is_(control.slots.get(slot)) == is_(seen):
                return False
            if seen and seen.reason in LATE and any(each.reason in LATE for each in control.slots.values()):
                return False
        return True


def is_(seen: SlotView | None) -> str:
    if seen is None:
        return "not on the page"
    return f"{seen.state} ({seen.reason})" if seen.reason else seen.state


def seconds(count: float) -> str:
    return f"{max(count, 0):.1f} s"


def expected(
    subject: str,
    kind: str,
    expected: str,
    seen: str,
    held: bool,
    at_ms: float | None = None,
    within_s: float | None = None,
) -> Expectation:
    within_ms = None if within_s is None else within_s * 1000
    return Expectation(
        subject=subject, kind=kind, expected=expected, seen=seen, held=held, at_ms=at_ms, within_ms=within_ms
    )
