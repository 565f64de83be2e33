"""Why a body is not put into a page.

Public: `Refusal`, `Stop`.
"""

from dataclasses import dataclass

from bff.resilience.reason import Reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a body is not put into a page; `detail` is for logs."""

    reason: Reason
    detail: str


class Stop(Exception):
    """The body can not be contained; `refused` says why."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.refused = Refusal(reason, detail)
