"""A transport that answers as an origin did when it was well, or as one that fails in a named way.

Public: `FaultTransport`, `Fault`, `FAULTS`, `Clock`, `FaultContext`.

What it raises is what the real transport makes of such an origin. It waits for nothing: what an origin would have used
up of the deadline passes on the clock that it is given.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bff.resilience.deadline import Deadline
from bff.resilience.message import CallFailed, Headers, Request, Response
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason


class Clock:
    """Monotonic seconds that pass only by `advance`."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


@dataclass(frozen=True, slots=True)
class FaultContext:
    """All that a fault may look at: what was healthy, and the call that meets it."""

    healthy: Response
    policy: Policy
    deadline: Deadline
    clock: Clock

    def too_large(self) -> Response:
        raise CallFailed(Reason.OVERSIZE, f"more than {self.policy.wire_bytes_max} B came", answered=True)


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail. `happens` says it in words; `meet` answers or raises `CallFailed`.

    `after_good`: it comes once a good answer was given, so that a copy may stand in.
    """

    name: str
    happens: str
    meet: Callable[[FaultContext], Response]
    after_good: bool = False


class FaultTransport:
    """A `Sender`. `fault` is what it fails with, None while the origin is well."""

    def __init__(self, healthy: Response, policy: Policy, clock: Clock) -> None:
        self.fault: Fault | None = None
        self._healthy = healthy
        self._policy = policy
        self._clock = clock

    async def send(self, request: Request, deadline: Deadline) -> Response:
        if self.fault is None:
            return self._healthy
        return self.fault.meet(FaultContext(self._healthy, self._policy, deadline, self._clock))

    async def aclose(self) -> None:
        """There is nothing to close."""


def _refused(meeting: FaultContext) -> Response:
    raise CallFailed(Reason.CONNECT, "connection refused")


def _slow(meeting: FaultContext) -> Response:
    left_ms = meeting.deadline.remaining_ms(meeting.clock())
    meeting.clock.advance(left_ms / 1000)
    raise CallFailed(Reason.TIMEOUT, f"no whole answer within {left_ms} ms")


def _cut(meeting: FaultContext) -> Response:
    there = len(meeting.healthy.body)
    raise CallFailed(Reason.CUT, f"the connection ended after {there // 2} of {there} B", answered=True)


def _huge(meeting: FaultContext) -> Response:
    return meeting.too_large()


def _error(meeting: FaultContext) -> Response:
    return _html(500, b"<h1>Internal Server Error</h1>", meeting)


def _hostile(meeting: FaultContext) -> Response:
    return _html(200, b"</template></main></body><plaintext>", meeting)


def _html(status: int, body: bytes, meeting: FaultContext) -> Response:
    """With the healthy answer's own headers: only what is wrong differs."""
    headers = [
        (name, value) for name, value in meeting.healthy.headers if name not in ("content-type", "content-length")
    ]
    return Response(status, Headers([*headers, ("content-type", "text/html; charset=utf-8")]), body)


FAULTS = (
    Fault("refused", "nothing listens at its address", _refused),
    Fault("slow", "the answer takes longer than pages wait", _slow),
    Fault("cut", "the connection ends in the middle of the answer", _cut),
    Fault("500", "the answer is an error page", _error),
    Fault("huge", "the answer is larger than body_bytes_max", _huge),
    Fault("hostile", "the answer would break the page around it", _hostile),
    Fault("stale", "it fails after a good answer", _error, after_good=True),
)
