"""Just enough HTTP on raw ASGI for a provider's few endpoints.

Public: `HttpRequest`, `HttpResponse`, `json_response`, `read`, `send_response`, `Provider`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from bff.contracts import text
from bff.contracts.paths import HEALTH_PATH
from bff.resilience import log
from bff.resilience.lifespan import serve_lifespan
from bff.resilience.pubsub import cancel
from bff.sandbox.clock import SandboxClock
from bff.sandbox.fault import FOR_S_MAX, FaultSwitch

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

BODY_BYTES_MAX = 64 * 1024
_PIECES = 12


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. Header names are in lower case; `body` is whole."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as an object; ValueError when it is not one."""
        found = text.decode(self.body or b"{}", object)
        if not isinstance(found, dict):
            raise ValueError("the body must be a JSON object")
        return found


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """`spread_s`: the body goes out in pieces, over so long, and its length is not told beforehand."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    spread_s: float = 0.0


def json_response(status: int, data: Any, **headers: str) -> HttpResponse:
    """`data` as JSON; `Retry_After="2"` becomes the header Retry-After."""
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return HttpResponse(status, msgspec.json.encode(data), {"content-type": "application/json", **named})


async def read(scope: Scope, receive: Receive) -> HttpRequest:
    """The whole request; ValueError when its body is too large or its query no plain text."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise ValueError(f"the body has more than {BODY_BYTES_MAX} bytes")
        if not message.get("more_body", False):
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    text.check_fields(query)
    return HttpRequest(scope["method"], scope["path"], query, headers, body)


async def send_response(send: Send, answer: HttpResponse) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    if answer.spread_s:
        return await _send_spread(send, answer, headers)
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
    return None


async def _send_spread(send: Send, answer: HttpResponse, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    size = len(answer.body) // _PIECES + 1
    for start in range(0, len(answer.body), size):
        await asyncio.sleep(answer.spread_s / _PIECES)
        await send({"type": "http.response.body", "body": answer.body[start : start + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


class Provider(ABC):
    """What every sandbox provider has: health, a clock and a fault to set, and work in the background.

    A subclass gives `answer` and, if it has any, `websocket` and `work`.
    """

    fault_kinds: tuple[str, ...] = ()

    def __init__(self, name: str, clock: SandboxClock) -> None:
        self.name = name
        self.clock = clock
        self.switch = FaultSwitch(self.fault_kinds)
        self.logger = log.get(name)
        self._working: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begin()
        if scope["type"] == "lifespan":
            await serve_lifespan(receive, send, stop=self._stop)
        elif scope["type"] == "websocket":
            await self.websocket(scope, receive, send)
        elif scope["type"] == "http":
            try:
                request = await read(scope, receive)
                answer = self._common(request) or await self.answer(request)
            except ValueError as error:
                answer = json_response(400, {"error": "bad_request", "detail": str(error)})
            await send_response(send, answer)

    def begin(self) -> None:
        """Start the background work, once. Not every server speaks lifespan: the first scope of any kind does it."""
        if self._working is None:
            self._working = asyncio.create_task(self.work(), context=Context())  # nobody's request
            self._working.add_done_callback(self._work_ended)

    @abstractmethod
    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The provider's own endpoints."""

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refused, unless the provider speaks WebSocket."""
        await receive()
        await send({"type": "websocket.close", "code": 1008})

    async def work(self) -> None:  # noqa: B027 (a provider may have none)
        """Nothing, unless the provider has something to do by itself."""

    async def stopped(self) -> None:  # noqa: B027 (a provider may hold nothing)
        """Called once when the server stops."""

    def _work_ended(self, working: asyncio.Task[None]) -> None:
        if not working.cancelled() and (error := working.exception()) is not None:
            self.logger.error("work_failed", exc_info=error)

    def _common(self, request: HttpRequest) -> HttpResponse | None:
        if request.path == HEALTH_PATH:
            return json_response(200, {"status": "ok", **self._control_state()})
        if request.path == "/control" and request.method == "GET":
            return json_response(200, self._control_state())
        if request.path == "/control/clock" and request.method == "POST":
            wanted = request.json()
            self.clock.set(held=bool(wanted.get("held", self.clock.held)), step_s=_number(wanted, "step_s", 0))
        elif request.path == "/control/fault" and request.method == "POST":
            wanted = request.json()
            for_s = _number(wanted, "for_s", FOR_S_MAX)
            self.switch.set(str(wanted.get("kind")), for_s=for_s, rate=_number(wanted, "rate", 0))
        else:
            return None
        self.logger.info("control", path=request.path, **wanted)
        return json_response(200, self._control_state())

    def _control_state(self) -> dict[str, Any]:
        clock = {"held": self.clock.held, "now": self.clock.now()}
        return {"clock": clock, "fault": self.switch.fault.kind, "faults": self.switch.kinds}

    async def _stop(self) -> None:
        if self._working is not None:
            await cancel([self._working])
        await self.stopped()


def _number(wanted: dict[str, Any], name: str, default: float) -> float:
    value = wanted.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number")
    return float(value)
