"""What asks in the background whether a release's upstream is well again, and who judges the answer.

Public: `Probe`, `probe_of`.
"""

from dataclasses import dataclass

from bff.resilience.guard import Judge
from bff.resilience.message import Request, Response
from bff.resilience.outcome import Failure
from shell.composition.asking import probe_request
from shell.composition.body import read
from shell.composition.page import Slot, Visit
from shell.composition.release import Release


@dataclass(frozen=True, slots=True)
class Probe:
    """`judge` says of an answer what an include would: one that no page could show is no sign of health."""

    request: Request
    judge: Judge


def probe_of(release: Release, slot: Slot, visit: Visit) -> Probe:
    """The probe that asks what an include of `slot` would ask for `visit`, for nobody."""

    def judge(response: Response) -> Failure | None:
        ended = read(slot, visit, release, response)
        return ended if isinstance(ended, Failure) else None

    return Probe(probe_request(release, slot, visit), judge)
