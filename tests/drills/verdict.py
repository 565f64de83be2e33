"""The verdict of a drill, and its exit code.

Public: `Verdict`, `EXIT_CODES`, `HELD`, `DEVIATED`, `MISUSE`, `COULD_NOT_RUN`, `ABORTED`, `worst`.
"""

from collections.abc import Iterable
from enum import StrEnum, unique

HELD, DEVIATED, MISUSE, COULD_NOT_RUN, ABORTED = 0, 1, 2, 3, 4


@unique
class Verdict(StrEnum):
    """`deviated`: something that was expected did not come, or the steady state did not come back."""

    HELD = "held"
    DEVIATED = "deviated"
    ABORTED = "aborted"  # an abort condition, the halt button or Ctrl-C ended it early
    COULD_NOT_RUN = "could_not_run"  # it was not steady, did not answer, or the fault hit nothing


EXIT_CODES = {
    Verdict.HELD: HELD,
    Verdict.DEVIATED: DEVIATED,
    Verdict.COULD_NOT_RUN: COULD_NOT_RUN,
    Verdict.ABORTED: ABORTED,
}
_RANK = (Verdict.HELD, Verdict.COULD_NOT_RUN, Verdict.ABORTED, Verdict.DEVIATED)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a run of several drills; of none: could not run."""
    return max(verdicts, key=_RANK.index, default=Verdict.COULD_NOT_RUN)
