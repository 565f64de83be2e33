"""A BFF of plain sockets and prepared answers, for fragments under test.

    with FakeBff() as bff:
        bff.replies["/views/wallet"] = reply(view(wallet_data()))
        ...
        assert bff.requests[-1].headers["authorization"] == "Bearer …"

Public: `FakeBff`, `Reply`, `BffRequest`, `reply`, `problem`, `view`.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import msgspec

from bff.contracts.problem import PROBLEM_TYPE, Problem
from bff.contracts.view import Break, CommandsState, Freshness, FreshnessState, View

AS_OF = datetime(2026, 3, 14, 20, 14, 3, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer; `cut` ends the connection before the body is whole."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    delay_s: float = 0.0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class BffRequest:
    """One received request; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeBff:
    """`replies` maps a path to a reply, or to a function of the request; other paths are 404."""

    replies: dict[str, Reply | Callable[[BffRequest], Reply]] = field(default_factory=dict)
    requests: list[BffRequest] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, request: BffRequest) -> Reply:
        """The reply prepared for `request`."""
        self.requests.append(request)
        found = self.replies.get(request.path, problem(404, "unknown"))
        return found if isinstance(found, Reply) else found(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body are sent in one piece

            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", 0)))
                answered = fake.answer(BffRequest(self.command, path, query, headers, body))
                time.sleep(answered.delay_s)
                self.send_response(answered.status)
                self.send_header("Content-Type", answered.content_type)
                self.send_header("Content-Length", str(len(answered.body)))
                self.end_headers()
                self.wfile.write(answered.body[: len(answered.body) // 2] if answered.cut else answered.body)
                self.close_connection = answered.cut

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                """Silent: pytest shows what failed."""

        return Handler


def view(
    data: Any,
    state: FreshnessState = "live",
    as_of: datetime | None = AS_OF,
    *,
    commands: CommandsState = "open",
    on_break: Break | None = None,
) -> View[Any]:
    """`data` as a view of the BFF."""
    freshness = Freshness(state=state, as_of=as_of, sequence=("e1", 7))
    return View(data=data, freshness=freshness, commands=commands, on_break=on_break)


def reply(value: Any, status: int = 200, **options: Any) -> Reply:
    """`value` as JSON."""
    return Reply(status, msgspec.json.encode(value), **options)


def problem(status: int, code: str, detail: str = "", fields: dict[str, str] | None = None) -> Reply:
    """An RFC 9457 problem."""
    body = msgspec.json.encode(Problem(status, "Refused", code, detail, fields=fields or {}))
    return Reply(status, body, PROBLEM_TYPE)
