"""One guarded call to one upstream.

Public: `Guard`, and from `outcome`: `Failure`; from `message`: `Request`, `Response`.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bff.contracts import headers as names
from bff.resilience.deadline import Deadline
from bff.resilience.message import CallFailed, Request, Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.retry_after import retry_after_ms
from bff.resilience.transport import Transport

__all__ = ["Failure", "Guard", "Request", "Response"]


class Guard:
    """Calls to the upstream `name` under one policy. `call` never raises, `CancelledError` apart.

    Answers with a status below 500 other than 429 are answers, whatever they say; the rest is a `Failure`.
    """

    def __init__(
        self,
        name: str,
        policy: Policy,
        transport: Transport | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.policy = policy
        self._transport = transport or Transport(policy, clock=clock)
        self._clock = clock
        self._running: set[asyncio.Task[Response | Failure]] = set()

    async def call(self, request: Request, deadline: Deadline) -> Response | Failure:
        """The answer to `request`, whole and in time, or why there is none."""
        call = asyncio.create_task(self._attempt(request, deadline.within(self._clock(), self.policy.deadline_ms)))
        self._running.add(call)
        call.add_done_callback(self._running.discard)
        # The call below can not be aborted; a caller that leaves must not take its bookkeeping along.
        return await asyncio.shield(call)

    async def aclose(self) -> None:
        """Wait for the calls that still run (each ends by its deadline), then close the connections."""
        if self._running:
            await asyncio.wait(self._running)
        await self._transport.aclose()

    async def _attempt(self, request: Request, deadline: Deadline) -> Response | Failure:
        left_ms = deadline.remaining_ms(self._clock())
        timed = Request(
            request.method, request.url, (*request.headers, (names.DEADLINE_MS, str(left_ms))), request.body
        )
        try:
            response = await self._transport.send(timed, deadline)
        except CallFailed as failed:
            return Failure(failed.reason, failed.detail)
        if response.status < 500 and response.status != 429:
            return response
        wait_ms = retry_after_ms(response.headers, now=datetime.now(UTC), ms_max=self.policy.retry_after_ms_max)
        reason = Reason.THROTTLED if response.status == 429 else Reason.UPSTREAM_ERROR
        return Failure(reason, f"status {response.status}", wait_ms, response.status)
