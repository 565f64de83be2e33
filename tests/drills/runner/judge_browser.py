"""Compares what a browser saw with what a drill expects: style, axe, the console.

Public: `watched`.
"""

from collections.abc import Iterator

from tests.drills.evidence.value import Evidence, SiblingDigest
from tests.drills.journal import Expectation
from tests.drills.kit.drill import Drill, SiblingExpectation

GRAVE = frozenset({"serious", "critical"})
SHOWN_MAX = 160


def watched(drill: Drill, evidence: Evidence) -> Iterator[Expectation]:
    """One verdict for each thing that only a browser can show."""
    yield from _styles(drill, evidence)
    yield from _axe(evidence)
    yield _console(drill, evidence)


def _styles(drill: Drill, evidence: Evidence) -> Iterator[Expectation]:
    for digest in evidence.siblings:
        wanted = drill.expect.siblings.get(digest.slot)
        if digest.moment != "during" or wanted is None or not wanted.style or digest.styles_differ is None:
            continue
        if digest.state not in wanted.state or digest.control_state not in wanted.state:
            yield _state(digest, wanted, evidence)
            continue
        first = next((each for each in digest.differences if each.aspect == "style"), None)
        where = f", the first at {first.where}: {first.control} became {first.tester}" if first else ""
        note = f" ({digest.note})" if digest.note else ""
        seen = f"equal on {digest.styled_elements} elements{note}"
        if digest.styles_differ:
            seen = f"{digest.styles_differ} of {digest.styled_elements} elements differ{where}"[:SHOWN_MAX]
        yield Expectation(
            subject=f"sibling {digest.slot}",
            kind="style",
            expected="the same computed style as the control",
            seen=seen,
            held=not digest.styles_differ,
        )
        unusable = [action for action in digest.actions if not action.works]
        yield Expectation(
            subject=f"sibling {digest.slot}",
            kind="action",
            expected="everything that can be pressed still can be",
            seen=f"{unusable[0].name}: {unusable[0].detail}" if unusable else f"all {len(digest.actions)}",
            held=not unusable,
        )


def _state(digest: SiblingDigest, wanted: SiblingExpectation, evidence: Evidence) -> Expectation:
    """Why a page or a control was not as expected, so that their looks can not be compared."""
    origin, end = evidence.fault_began_ms or 0, evidence.fault_ended_ms
    meanwhile = [
        each
        for each in evidence.timeline
        if each.slot == digest.slot and origin <= each.at_ms and (not end or each.at_ms < end)
    ]
    beside = {each.state for each in meanwhile if each.viewer == "control"}
    reasons = [each.reason for each in meanwhile if each.viewer == "tester" and each.state == digest.state]
    everybodys = digest.state in beside | {digest.control_state}
    seen = f"{digest.state} ({reasons[-1]})" if reasons and reasons[-1] else digest.state
    if everybodys:
        seen = f"{digest.state}, also without the fault"
    if digest.state in wanted.state:
        seen = f"{digest.state}; the control was {digest.control_state}, so that looks were not compared"
    return Expectation(
        subject=f"sibling {digest.slot}",
        kind="style",
        expected="the same computed style as the control",
        seen=seen,
        held=everybodys or digest.state in wanted.state,
    )


def _axe(evidence: Evidence) -> Iterator[Expectation]:
    for run in evidence.axe:
        grave = [each for each in run.violations if each.impact in GRAVE]
        yield Expectation(
            subject="page",
            kind="axe",
            expected=f"no serious finding of axe {run.moment} the fault",
            seen=f"{grave[0].rule}: {grave[0].help}"[:SHOWN_MAX] if grave else "none",
            held=not grave,
        )


def _console(drill: Drill, evidence: Evidence) -> Expectation:
    """The console may have the errors that the drill names, and no others."""
    declared = drill.expect.console_errors
    errors = [each for each in evidence.console_errors if not any(words in each.text for words in declared)]
    return Expectation(
        subject="page",
        kind="errors",
        expected="no error in the browser's console" + (" but those declared" if declared else ""),
        seen=f"{len(errors)}, the first: {errors[0].text}"[:SHOWN_MAX] if errors else "none",
        held=not errors,
    )
