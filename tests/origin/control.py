"""Turns an origin's switches from outside, over HTTP on a port of its own.

Public: `Control`.

    GET    /        what is broken, what there is to break, and what was counted
    PUT    /fault   body `name` or `name=argument`; `?at=/path` for paths that start so
    DELETE /fault   roll it back
    PUT    /body    the healthy content from here on
"""

import asyncio
import json
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from tests.origin.exchange import head, read_head
from tests.origin.faults import FAULTS
from tests.origin.server import Origin

BODY_BYTES_MAX = 1024 * 1024


class Control:
    """The control endpoint of one origin."""

    def __init__(self, origin: Origin, host: str = "127.0.0.1", port: int = 0) -> None:
        self._origin = origin
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self._host}:{self._port}"

    async def __aenter__(self) -> "Control":
        self._server = await asyncio.start_server(self._answer, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            came = await read_head(reader)
            if came is not None:
                method, target, headers = came
                length = min(int(headers.get("content-length", "0")), BODY_BYTES_MAX)
                status, answer = await self._do(method, target, await reader.readexactly(length))
                body = json.dumps(answer, indent=2).encode() + b"\n"
                kind, size = ("Content-Type", "application/json"), ("Content-Length", str(len(body)))
                writer.write(head(status, (kind, size, ("Connection", "close"))) + body)
                await writer.drain()
        finally:
            writer.close()

    async def _do(self, method: str, target: str, body: bytes) -> tuple[int, dict[str, object]]:
        parts = urlsplit(target)
        if (method, parts.path) == ("PUT", "/fault"):
            try:
                await self._origin.fail(body.decode(), parse_qs(parts.query).get("at", ["/"])[0])
            except ValueError as error:
                return 422, {"problem": str(error)}
        elif (method, parts.path) == ("DELETE", "/fault"):
            await self._origin.heal()
        elif (method, parts.path) == ("PUT", "/body"):
            self._origin.body = body
        elif (method, parts.path) != ("GET", "/"):
            return 404, {"problem": "there are GET /, PUT /fault, DELETE /fault and PUT /body"}
        return 200, self._state()

    def _state(self) -> dict[str, object]:
        origin = self._origin
        return {
            "url": origin.url,
            "fault": str(origin.fault) if origin.fault else None,
            "at": origin.fault.at if origin.fault else None,
            "requests": origin.requests,
            "in_flight": origin.in_flight,
            "in_flight_max": origin.in_flight_max,
            "connections": origin.connections,
            "faults": {each.name: each.claim for each in FAULTS.values()},
        }
