"""The steps of a trial: which share of visitors for how long, one after the other, until it is promoted by itself.

Public: `Step`, `StepsRefused`, `parse_steps`, `steps_text`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

STEPS_MAX = 20
_STEP = re.compile(r"(?P<percent>\d{1,2}(?:\.\d{1,2})?):(?P<number>\d{1,5})(?P<unit>[smhd])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_S_MAX = 30 * 86_400
_NOTHING = "Nothing was changed."


class StepsRefused(Exception):
    """The message says what is wrong with which step, and that nothing was changed."""


@dataclass(frozen=True, slots=True)
class Step:
    """`percent` of visitors for `seconds`."""

    percent: float
    seconds: int


def parse_steps(text: str) -> tuple[Step, ...]:
    """The steps of `1:10m,10:30m,50:1h`, none of an empty text; raises `StepsRefused`."""
    if not text:
        return ()
    steps: list[Step] = []
    for written in text.split(","):
        found = _STEP.fullmatch(written.strip())
        if found is None:
            raise StepsRefused(
                f"{written[:40]!r} is no step; write 10:30m for 10 % of visitors, half an hour. {_NOTHING}"
            )
        step = Step(float(found["percent"]), int(found["number"]) * _UNIT_S[found["unit"]])
        if not step.percent >= 0.01 or not 0 < step.seconds <= _S_MAX:
            raise StepsRefused(f"{written!r}: a step is for 0.01 % at least, and for 30 days at most. {_NOTHING}")
        if steps and step.percent <= steps[-1].percent:
            raise StepsRefused(f"{written!r} is for no more visitors than the step before it. {_NOTHING}")
        steps.append(step)
    if len(steps) > STEPS_MAX:
        raise StepsRefused(f"{len(steps)} steps, and {STEPS_MAX} are taken. {_NOTHING}")
    return tuple(steps)


def steps_text(steps: Sequence[Step]) -> str:
    """The same, to be read and stored: units as large as they go."""
    return ",".join(f"{step.percent:g}:{_time(step.seconds)}" for step in steps)


def _time(seconds: int) -> str:
    unit, size = next((unit, size) for unit, size in reversed(_UNIT_S.items()) if seconds % size == 0)
    return f"{seconds // size}{unit}"
