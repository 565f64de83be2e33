"""One poll of the promotions provider.

Public: `Poller`, `Polled`, `PollFailed`.
"""

import time
from dataclasses import dataclass

from bff.feeds.policy import PromotionsPolicy
from bff.resilience.deadline import Deadline
from bff.resilience.guard import Guard
from bff.resilience.message import Request
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason


@dataclass(frozen=True, slots=True)
class Polled:
    """`body` is None when nothing has changed since the last answer."""

    body: bytes | None


class PollFailed(Exception):
    """There is no usable answer. `retry_after_s` is what the provider asked for, None where it did not."""

    def __init__(self, reason: Reason, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_after_s = retry_after_s


class Poller:
    """Remembers the validator of the last answer that was taken."""

    def __init__(self, url: str, policy: PromotionsPolicy, guard: Guard | None = None) -> None:
        self._url = url
        self._policy = policy
        limits = Policy(
            deadline_ms=policy.deadline_ms,
            open_ms_initial=policy.open_ms_max,
            open_ms_max=policy.open_ms_max,
            retry_after_ms_max=int(policy.retry_after_s_max * 1000),
        )
        self._guard = guard or Guard("promotions-provider", limits)
        self._validator = ""
        self._offered = ""

    async def poll(self) -> Polled:
        headers: tuple[tuple[str, str], ...] = (("accept", "application/json"),)
        if self._validator:
            headers += (("if-none-match", self._validator),)
        deadline = Deadline.after_ms(time.monotonic(), self._policy.deadline_ms)
        answer = await self._guard.call(Request("GET", self._url, headers), deadline)
        if isinstance(answer, Failure):
            after_s = answer.retry_after_ms / 1000 if answer.retry_after_ms else None
            raise PollFailed(answer.reason, answer.detail, after_s)
        if answer.status == 304:
            return Polled(None)
        if answer.status != 200:
            raise PollFailed(_reason(answer.status), f"status {answer.status}")
        self._offered = answer.headers.get("etag") or ""
        return Polled(answer.body)

    def took(self) -> None:
        """The last body was usable: from here on only a change of it is of interest."""
        self._validator = self._offered

    def forget(self) -> None:
        """Ask for everything next time."""
        self._validator = ""

    async def aclose(self) -> None:
        await self._guard.aclose()


def _reason(status: int) -> Reason:
    if status in (404, 410):
        return Reason.NOT_FOUND
    return Reason.UNAUTHORISED if status in (401, 403) else Reason.REJECTED
