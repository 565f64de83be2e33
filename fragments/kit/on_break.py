"""The message for a player on a break, the same in every fragment; its words are in `kit/on_break.html` only.

Public: `OnBreak`, `on_break`.
"""

from dataclasses import dataclass
from typing import Any

from bff.contracts.view import View
from bff.resilience.outcome import Failure
from fragments.kit.answer import rfc3339
from fragments.kit.formats import Formats
from fragments.kit.freshness import AsOf


@dataclass(frozen=True, slots=True)
class OnBreak:
    """A break that goes on: until `moment`, or for good where there is none."""

    moment: AsOf | None


def on_break(answer: View[Any] | Failure, formats: Formats) -> OnBreak | None:
    """The asking player's break as `answer` says it, None where they may play or nothing is known."""
    if isinstance(answer, Failure) or answer.on_break is None:
        return None
    until = answer.on_break.until
    return OnBreak(AsOf(rfc3339(until), formats.day_time_year(until)) if until else None)
