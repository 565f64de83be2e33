"""The border to providers of games that are asked over HTTP.

Public: `GamesHttp`.
"""

import time

from bff.feeds.games.source import SourceFailed
from bff.feeds.policy import GamesPolicy
from bff.resilience.deadline import Deadline
from bff.resilience.guard import Guard
from bff.resilience.message import Request, Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason


class GamesHttp:
    """Calls to one provider: a whole answer of status 200 within `deadline_ms`, or `SourceFailed`."""

    def __init__(self, name: str, deadline_ms: int, policy: GamesPolicy) -> None:
        self._deadline_ms = deadline_ms
        self._guard = Guard(
            name,
            Policy(
                deadline_ms=deadline_ms,
                open_ms_initial=policy.open_ms_max,
                open_ms_max=policy.open_ms_max,
                wire_bytes_max=policy.body_bytes_max,
                decoded_bytes_max=policy.body_bytes_max,
            ),
        )

    async def get(self, request: Request) -> Response:
        answer = await self._guard.call(request, Deadline.after_ms(time.monotonic(), self._deadline_ms))
        if isinstance(answer, Failure):
            after_s = answer.retry_after_ms / 1000 if answer.retry_after_ms else None
            raise SourceFailed(answer.reason, answer.detail, after_s)
        if answer.status != 200:
            raise SourceFailed(_reason(answer.status), f"status {answer.status}")
        return answer

    async def aclose(self) -> None:
        await self._guard.aclose()


def _reason(status: int) -> Reason:
    if status in (404, 410):
        return Reason.NOT_FOUND
    return Reason.UNAUTHORISED if status in (401, 403) else Reason.REJECTED
