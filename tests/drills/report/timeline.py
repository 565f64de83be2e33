"""The timeline of a drill as shapes: a lane a slot, a span an outcome, the fault's time behind all of them.

Public: `Chart`, `Lane`, `Span`, `chart_of`, `spans_of`.

Times are milliseconds from the moment at which the fault was put on; what came before it is negative.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tests.drills.evidence.value import Evidence
from tests.drills.journal import Findings
from tests.drills.phrases import duration

WIDTH, LABELS, RIGHT = 1000, 120, 12
HEAD, LANE, GAP, FOOT = 46, 30, 10, 30
CHARACTER = 6.6
BEFORE_MS_MAX, AFTER_MS_MAX = 5_000, 4_000
# How long the last page that was asked for stands in the chart.
TAIL_MS = 1000
TICKS_MAX = 10
STATES = frozenset({"fresh", "degraded", "stale", "fallback", "placeholder", "absent"})
Place = Callable[[float], float]
STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600)


@dataclass(frozen=True, slots=True)
class Span:
    """A slot in one state. `x` and `width` are for the chart; `label` is empty where there is no room for it."""

    slot: str
    from_ms: float
    to_ms: float
    state: str
    reason: str = ""
    words: str = ""
    x: str = ""
    width: str = ""
    label: str = ""
    label_x: str = ""

    @property
    def kind(self) -> str:
        """For the style: one of the states, or `other` for what a page made up."""
        return self.state if self.state in STATES else "other"

    @property
    def title(self) -> str:
        outcome = f"{self.state} ({self.reason})" if self.reason else self.state
        return f"{self.slot}: {outcome} from {duration(self.from_ms)} to {duration(self.to_ms)}"


@dataclass(frozen=True, slots=True)
class Lane:
    slot: str
    y: str
    text_y: str
    spans: tuple[Span, ...]
    broken: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A line through all lanes. `anchor` is SVG's."""

    x: str
    label: str
    label_x: str = ""
    label_y: str = ""
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything is text: lengths in the units of a viewBox that is `width` by `height`."""

    width: str
    height: str
    top: str
    bottom: str
    axis_y: str
    lane_height: str
    left: str
    fault_x: str
    fault_width: str
    fault_height: str
    fault_label: str
    fault_label_x: str
    lanes: tuple[Lane, ...]
    ticks: tuple[Mark, ...]
    marks: tuple[Mark, ...]


def spans_of(found: Findings, evidence: Evidence | None) -> list[Span]:
    """What each slot was, from the browser's timeline or else from the pages that were asked for over HTTP."""
    changes: dict[str, list[tuple[float, str, str, str]]] = {}
    if evidence and evidence.timeline:
        origin = evidence.fault_began_ms or 0
        for each in evidence.timeline:
            if each.viewer == "tester":
                changes.setdefault(each.slot, []).append((each.at_ms - origin, each.state, each.reason, each.words))
        end: float = (evidence.fault_ended_ms or 0) - origin + (found.phases.recover_ms or 0) + AFTER_MS_MAX
    else:
        for slot, samples in found.slots.items():
            changes[slot] = [(each.at_ms, each.state or "absent", each.reason, "") for each in samples]
        end = max([found.phases.fault_ms or 0, *(rows[-1][0] for rows in changes.values())], default=0) + TAIL_MS
    end = max([end, *(rows[-1][0] for rows in changes.values() if rows)], default=0)
    return [span for slot, rows in sorted(changes.items()) for span in _spans(slot, rows, end)]


def chart_of(found: Findings, evidence: Evidence | None, broken: Sequence[str]) -> Chart | None:
    """None where there is nothing to draw."""
    spans = spans_of(found, evidence)
    fault_ms = _fault_ms(found, evidence)
    if not spans:
        return None
    start = max(min(span.from_ms for span in spans), -BEFORE_MS_MAX)
    end = max(span.to_ms for span in spans)
    if fault_ms:
        end = max(end, fault_ms + 1)
    scale = (WIDTH - LABELS - RIGHT) / max(end - start, 1)

    def x(ms: float) -> float:
        return LABELS + (min(max(ms, start), end) - start) * scale

    slots = sorted({span.slot for span in spans}, key=lambda slot: (slot not in broken, slot))
    lanes = tuple(_lane(place, slot, spans, x, slot in broken) for place, slot in enumerate(slots))
    bottom = HEAD + len(slots) * (LANE + GAP)
    fault_x, fault_end = x(0), x(fault_ms or 0)
    return Chart(
        width=str(WIDTH),
        height=str(bottom + FOOT),
        top=str(HEAD - GAP // 2),
        bottom=str(bottom),
        axis_y=str(bottom + 18),
        lane_height=str(LANE),
        left=str(LABELS),
        fault_x=_at(fault_x),
        fault_width=_at(max(fault_end - fault_x, 0)),
        fault_height=str(bottom - HEAD + GAP // 2),
        fault_label=_fault_label(found, fault_ms),
        fault_label_x=_at(fault_x + 6),
        lanes=lanes,
        ticks=tuple(_ticks(start, end, x)),
        marks=tuple(_marks(found, fault_ms, x)),
    )


def _spans(slot: str, rows: Sequence[tuple[float, str, str, str]], end: float) -> list[Span]:
    """Neighbours with the same outcome are one."""
    found: list[Span] = []
    for at_ms, state, reason, words in rows:
        if found and (found[-1].state, found[-1].reason) == (state, reason):
            continue
        if found:
            found[-1] = replace(found[-1], to_ms=at_ms)
        found.append(Span(slot, at_ms, end, state, reason, words))
    return found


def _lane(place: int, slot: str, spans: Sequence[Span], x: Place, broken: bool) -> Lane:
    y = HEAD + place * (LANE + GAP)
    drawn = []
    for span in spans:
        if span.slot != slot:
            continue
        left, right = x(span.from_ms), x(span.to_ms)
        if right - left < 0.5:
            continue
        label = next((text for text in _labels(span) if len(text) * CHARACTER < right - left - 8), "")
        drawn.append(
            replace(span, x=_at(left), width=_at(max(right - left - 1, 1)), label=label, label_x=_at(left + 7))
        )
    return Lane(slot, str(y), str(y + LANE // 2 + 4), tuple(drawn), broken)


def _labels(span: Span) -> tuple[str, ...]:
    return (f"{span.state} · {span.reason}", span.state) if span.reason else (span.state,)


def _ticks(start: float, end: float, x: Place) -> list[Mark]:
    seconds = (end - start) / 1000
    step = next((each for each in STEPS_S if seconds / each <= TICKS_MAX), STEPS_S[-1])
    first = int(start / 1000 // step) * step
    places = [first + step * n for n in range(int(seconds / step) + 2)]
    return [Mark(_at(x(at * 1000)), f"{at:g} s", anchor="middle") for at in places if start <= at * 1000 <= end]


def _marks(found: Findings, fault_ms: float, x: Place) -> list[Mark]:
    """Detected and healed; contained is mostly the same moment as detected, and stands in figures."""
    figures = found.phases
    marks = []
    if figures.detect_ms is not None:
        at = x(figures.detect_ms)
        marks.append(Mark(_at(at), f"seen after {duration(figures.detect_ms)}", _at(at + 6), "34", "start"))
    if figures.recover_ms is not None:
        at = x(fault_ms + figures.recover_ms)
        marks.append(Mark(_at(at), f"healed after {duration(figures.recover_ms)}", _at(at - 6), "34", "end"))
    return marks


def _fault_ms(found: Findings, evidence: Evidence | None) -> float:
    if evidence and evidence.fault_began_ms is not None and evidence.fault_ended_ms is not None:
        return evidence.fault_ended_ms - evidence.fault_began_ms
    return found.phases.fault_ms or 0


def _fault_label(found: Findings, fault_ms: float) -> str:
    given = " ".join(f"{name}={value}" for name, value in found.attributes.items())
    what = " ".join(part for part in (found.hop, found.fault, given) if part) or "fault"
    return f"{what} · {duration(fault_ms)}" if fault_ms else what


def _at(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
