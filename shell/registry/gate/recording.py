"""A transport that writes down what was answered, so that one answer can be looked at from several sides.

Public: `RecordingTransport`, `Exchange`.
"""

import time
from dataclasses import dataclass

from bff.resilience.deadline import Deadline
from bff.resilience.message import CallFailed, Request, Response
from bff.resilience.transport import Sender


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its result; `ms` is how long it took."""

    request: Request
    answer: Response | CallFailed
    ms: int

    @property
    def response(self) -> Response | None:
        """The whole answer, None where there was none."""
        return self.answer if isinstance(self.answer, Response) else None


class RecordingTransport:
    """A `Sender` over another. `exchanges` holds all that went through, in the order in which it ended."""

    def __init__(self, transport: Sender) -> None:
        self.exchanges: list[Exchange] = []
        self._transport = transport

    async def send(self, request: Request, deadline: Deadline) -> Response:
        began = time.monotonic()
        answer: Response | CallFailed
        try:
            answer = await self._transport.send(request, deadline)
        except CallFailed as failed:
            answer = failed
        self.exchanges.append(Exchange(request, answer, round((time.monotonic() - began) * 1000)))
        if isinstance(answer, CallFailed):
            raise answer
        return answer

    async def aclose(self) -> None:
        await self._transport.aclose()

    def response(self, url: str) -> Response | None:
        """The last whole answer of `url`."""
        found = (each.response for each in reversed(self.exchanges) if each.request.url == url)
        return next((response for response in found if response), None)
