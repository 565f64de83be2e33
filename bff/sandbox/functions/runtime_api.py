"""The Runtime API that one environment's client speaks: `next` waits for an event, `response` and `error` end it.

Public: `RuntimeApi`, `Invocation`, `FunctionFailed`.
Source: AWS, "Using the Lambda runtime API" (2018-06-01).
"""

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import h11

BASE = "/2018-06-01/runtime"
_READ_BYTES = 64 * 1024
_ARN = "arn:aws:lambda:eu-west-1:000000000000:function:"


class FunctionFailed(Exception):
    """The function raised, could not be loaded, or its process ended; the message says which."""


@dataclass(slots=True)
class Invocation:
    """One event and what becomes of it."""

    event: bytes
    timeout_s: float
    request_id: str = field(default_factory=lambda: str(uuid4()))
    ended: "asyncio.Future[Any]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def succeed(self, returned: Any) -> None:
        if not self.ended.done():
            self.ended.set_result(returned)

    def fail(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_exception(FunctionFailed(why))


class RuntimeApi:
    """Serves one client on a port of its own. The first `next` sets `polled`, at `polled_at` (monotonic seconds)."""

    def __init__(self, function: str) -> None:
        self.polled = asyncio.Event()
        self.polled_at = 0.0
        self._events: asyncio.Queue[Invocation | None] = asyncio.Queue()
        self.init_error = ""
        self._function = function
        self._current: Invocation | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Its `host:port`."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    def hand_out(self, invocation: Invocation) -> None:
        self._events.put_nowait(invocation)

    def close(self) -> None:
        """Its client has gone, and `next` waits for nobody."""
        if self._server is not None:
            self._server.close()
        self._events.put_nowait(None)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            while (request := await _request(connection, reader)) is not None:
                status, headers, body = await self._answer(*request)
                head = [("content-type", "application/json"), ("content-length", str(len(body))), *headers]
                for message in (h11.Response(status_code=status, headers=head), h11.Data(body), h11.EndOfMessage()):
                    writer.write(connection.send(message) or b"")
                await writer.drain()
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return
                connection.start_next_cycle()
        except (OSError, h11.RemoteProtocolError):
            return  # the process went: whoever runs it knows
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, method: str, path: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        where = path.removeprefix(BASE)
        if (method, where) == ("GET", "/invocation/next"):
            self.polled_at = self.polled_at or time.monotonic()
            self.polled.set()
            current = await self._events.get()
            if current is None:
                raise ConnectionAbortedError
            self._current = current
            deadline_ms = int((time.time() + current.timeout_s) * 1000)
            return 200, self._headers(current.request_id, deadline_ms), current.event
        if (method, where) == ("POST", "/init/error"):
            self.init_error = _message(body)
        elif method == "POST" and self._current and where.startswith(f"/invocation/{self._current.request_id}/"):
            self._end(self._current, where.rpartition("/")[2], body)
        else:
            return 404, [], b'{"errorType": "NotFound"}'
        return 202, [], b'{"status": "OK"}'

    def _end(self, current: Invocation, how: str, body: bytes) -> None:
        self._current = None
        try:
            returned = json.loads(body or b"null")
        except ValueError:
            current.fail("its answer is no JSON")
            return
        if how == "response":
            current.succeed(returned)
        else:
            current.fail(_message(body))

    def _headers(self, request_id: str, deadline_ms: int) -> list[tuple[str, str]]:
        return [
            ("Lambda-Runtime-Aws-Request-Id", request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", f"{_ARN}{self._function}"),
        ]


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> tuple[str, str, bytes] | None:
    """(method, path, body); None when the client has gone."""
    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return head.method.decode(), head.target.decode(), body
        else:
            return None


def _message(body: bytes) -> str:
    with contextlib.suppress(ValueError):
        found = json.loads(body)
        if isinstance(found, dict):
            return f"{found.get('errorType', 'Error')}: {found.get('errorMessage', '')}"[:300]
    return "Error"
