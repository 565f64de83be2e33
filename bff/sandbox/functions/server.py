"""The platform as a server: what a function URL does, and below `/control` what a sandbox has.

Public: `FunctionPlatform`.
"""

import math
from dataclasses import asdict
from uuid import uuid4

from bff.contracts.paths import HEALTH_PATH
from bff.sandbox.clock import SandboxClock
from bff.sandbox.functions.environment import FunctionFailed, FunctionTimedOut
from bff.sandbox.functions.event import AnswerBroken, FunctionAnswer, FunctionRequest, answer_of, event_of
from bff.sandbox.functions.page import page
from bff.sandbox.functions.pool import Pool, Throttled
from bff.sandbox.http import HttpRequest, HttpResponse, Provider, Receive, Scope, Send, json_response

RETRY_AFTER_S = 1
# The platform's own: nothing of a function lies there.
_CONTROL = ("/control", "/control/", HEALTH_PATH)


class FunctionPlatform(Provider):
    """`name` is the function's; its environments are `pool`'s.

    `GET /control/environments` shows them, `/control/bill` says what they would be paid for.
    """

    fault_kinds = ("cold", "crash", "throttle")

    def __init__(self, name: str, pool: Pool, clock: SandboxClock) -> None:
        super().__init__(name, clock)
        self._pool = pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path in _CONTROL or path.startswith("/control/"):
            await super().__call__(scope, receive, send)
            return
        self.begin()
        answer = await self._invoked(await _read(scope, receive))
        headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in answer.headers]
        headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def answer(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/control/environments" and request.method == "GET":
            headers = {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}
            return HttpResponse(200, page(self.name, self._pool), headers)
        if request.path == "/control/bill" and request.method == "GET":
            bill = self._pool.bill
            return json_response(200, {"request_ms": bill.request_ms, "cold_ms": bill.cold_ms, **asdict(bill)})
        return json_response(404, {"error": "not_found"})

    async def work(self) -> None:
        await self._pool.reap()

    async def stopped(self) -> None:
        await self._pool.aclose()

    async def _invoked(self, request: FunctionRequest) -> FunctionAnswer:
        kind = self.switch.fault.kind
        try:
            if kind == "throttle":
                raise Throttled("told to")
            event = event_of(request, request_id=str(uuid4()))
            cold_s = self._pool.policy.cold_ms / 1000 if kind == "cold" else 0.0
            age_s_max = self.switch.since_s if kind == "cold" else math.inf
            invoked = self._pool.invoke(event, cold_s=cold_s, crash=kind == "crash", age_s_max=age_s_max)
            return answer_of(await invoked)
        except Throttled:
            return _problem(429, "Rate Exceeded.", ("retry-after", str(RETRY_AFTER_S)))
        except (FunctionTimedOut, FunctionFailed, AnswerBroken) as error:
            self.logger.warning("function_url_502", detail=str(error))
            return _problem(502, "Internal Server Error")


def _problem(status: int, words: str, *headers: tuple[str, str]) -> FunctionAnswer:
    return FunctionAnswer(status, [("content-type", "text/plain; charset=utf-8"), *headers], words.encode())


async def _read(scope: Scope, receive: Receive) -> FunctionRequest:
    """The whole request; its border has bounded it."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    path = scope["raw_path"].decode("latin-1") if scope.get("raw_path") else scope["path"]
    return FunctionRequest(scope["method"], path, scope["query_string"].decode("latin-1"), headers, body)
