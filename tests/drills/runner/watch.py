"""Everything that was seen during one drill, and the words for it.

Public: `Watch`, `FRESH`, `LATE`, `expected`, `is_`, `seconds`.
"""

from dataclasses import dataclass, field

from bff.resilience.reason import Reason
from tests.drills.journal import Expectation
from tests.drills.runner.page import SlotView, View

FRESH = "fresh"
# Visits within so many seconds are compared: a busy machine makes first one late, then the other.
SAME_MOMENTS_S = 5.0
# Reasons that a busy machine causes without any fault. An open breaker is one of them: a tester's breaker has few calls
# to judge by, so that one late answer opens it.
LATE = frozenset({Reason.TIMEOUT, Reason.CONNECT_TIMEOUT, Reason.STORE_DOWN, Reason.BREAKER_OPEN})


@dataclass(slots=True)
class Watch:
    """All visits of one drill, in order. `began` and `ended` are the moments at which the first fault was set and the
    last one ended; `controls` are visits without the fault: in an outage of everybody, those from before it."""

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
        """Visits during the fault, also those that began before it: if the page's own hop is slow, there may be no
        others."""
        return [view for view in self.views if view.at < self.ended and view.at + view.took_ms / 1000 >= self.began]

    @property
    def after(self) -> list[View]:
        return [view for view in self.views if view.at >= self.ended]

    @property
    def is_beside(self) -> bool:
        """Whether there were visits without the fault while it lasted."""
        return any(control.at >= self.began for control in self.controls)

    def controls_of(self, view: View) -> list[View]:
        """The controls to compare `view` with: those of about the same time, or if there are none, those before the
        fault."""
        if not self.is_beside:
            return self.controls
        first, last = view.at - SAME_MOMENTS_S, view.at + view.took_ms / 1000 + SAME_MOMENTS_S
        return [control for control in self.controls if first <= control.at <= last]

    def is_of_the_fault(self, slot: str, view: View) -> bool:
        """Whether the state of `slot` in `view` is an effect of the fault.

        It is not if a control shows the same at about the same time, nor if the slot is late while any slot of a
        control is late, since nothing is broken there.
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
