"""The steps of a drill, in words for a person.

Public: `Row`, `row_of`, `steps_of`, `fault_of`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.drills.journal import Journal, Step
from tests.drills.phrases import broken, capital, duration


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table; `kind` is `good` or `bad`."""

    kind: str
    sign: str
    cells: tuple[str, ...]


def row_of(good: bool, *cells: str) -> Row:
    return Row("good" if good else "bad", "✓" if good else "✕", cells)


def steps_of(journal: Journal) -> Iterator[Row]:
    """Time, step and result of each; times count from the first fault. A single step is left to the report's first
    paragraph."""
    steps = sorted(journal.run, key=lambda step: step.start)
    if len(steps) < 2:
        return
    begins = next((step.end for step in steps if _arguments(step)), steps[0].start)
    for step in steps:
        moment = step.end if _arguments(step) else step.start
        at_ms = 1000 * (datetime.fromisoformat(moment) - datetime.fromisoformat(begins)).total_seconds()
        at = duration(max(at_ms, 0)) if at_ms > -50 else f"{duration(-at_ms)} before"
        yield row_of(step.status == "succeeded", at, _what(step), _came_to(step))


def _arguments(step: Step) -> dict[str, Any]:
    """The parameters of a fault; empty for a player's step."""
    found: dict[str, Any] = step.activity.provider.get("arguments", {})
    return found


def fault_of(journal: Journal) -> str:
    """The first fault in words; empty if there was none."""
    return next((_fault(step) for step in journal.run if _arguments(step)), "")


def _what(step: Step) -> str:
    arguments = _arguments(step)
    if not arguments:
        return capital(step.activity.name)
    lasts_s = arguments.get("ttl_s", arguments.get("for_s", 0))
    return f"{_fault(step)}, for {duration(lasts_s * 1000)}"


def _fault(step: Step) -> str:
    subject, fault, *_ = step.activity.name.split(" ")
    return broken(subject, fault, _arguments(step).get("attributes", {}))


def _came_to(step: Step) -> str:
    if step.exception:
        return "; ".join(step.exception)
    if isinstance(step.output, str):
        return step.output
    if isinstance(step.output, dict) and (answers := step.output.get("answers")):
        pressed = "pressed once" if len(answers) == 1 else f"pressed {len(answers)} times with one key"
        receipt = "with a receipt" if step.status == "succeeded" else "without a receipt"
        return (
            f"{pressed}, answered {str(answers[-1]).partition(' ')[0]} {receipt} after {duration(step.duration * 1000)}"
        )
    return "done" if step.status == "succeeded" else "failed"
