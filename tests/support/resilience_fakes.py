"""An upstream for guards on simulated time, without a network.

Public: `FakeUpstream`, `GET`, `answer`.
"""

import asyncio
from collections.abc import Callable

from bff.resilience.deadline import Deadline
from bff.resilience.message import CallFailed, Headers, Request, Response
from bff.resilience.reason import Reason

GET = Request("GET", "http://wallet.test/")


def answer(status: int = 200, *headers: tuple[str, str]) -> Response:
    """An answer with this status."""
    return Response(status, Headers(headers), b"<p>whole</p>")


class FakeUpstream:
    """The upstream of a guard. `says` is called for each request and gives a response, or an error to raise; each takes
    `took_ms`."""

    def __init__(self, says: Callable[[], Response | Exception] = answer, took_ms: float = 10) -> None:
        self.says = says
        self.took_ms = took_ms
        self.requests: list[Request] = []
        self.at: list[float] = []
        self.in_flight = self.in_flight_max = 0
        self.closed = False

    async def send(self, request: Request, deadline: Deadline) -> Response:
        loop = asyncio.get_running_loop()
        self.requests.append(request)
        self.at.append(loop.time())
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)
        try:
            left_ms, took_ms = deadline.remaining_ms(loop.time()), self.took_ms
            await asyncio.sleep(min(took_ms, left_ms) / 1000)
            if took_ms > left_ms:
                raise CallFailed(Reason.TIMEOUT, "no answer in time")
            answer = self.says()
            if isinstance(answer, Exception):
                raise answer
            return answer
        finally:
            self.in_flight -= 1

    async def aclose(self) -> None:
        self.closed = True
