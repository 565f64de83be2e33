"""An answer other than 2xx, as the operations raise it.

Public: `Problem`.
"""

from collections.abc import Sequence

from shell.registry.waivers import FindingView


class Problem(Exception):
    """An answer other than 2xx: `status`, and a sentence that says what happened and what to do.

    `findings` are what a release was refused for.
    """

    def __init__(
        self, status: int, detail: str, *, retry_after_s: int = 0, findings: Sequence[FindingView] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.findings = findings
