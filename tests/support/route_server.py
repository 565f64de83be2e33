"""A server of a few prepared answers, for tests of publishing and fetching: each path has a status, headers and a body.

Public: `RouteServer`, `Answer`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Answer:
    """With `close` the body ends with the connection and has no length; `wait_s` passes before anything is sent."""

    body: str | bytes = ""
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False
    wait_s: float = 0

    def written(self) -> bytes:
        body = self.body.encode() if isinstance(self.body, str) else self.body
        headers = dict(self.headers)
        if self.content_type:
            headers["content-type"] = self.content_type
        if not self.close:
            headers["content-length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} X\r\n{head}connection: close\r\n\r\n".encode() + body


class RouteServer:
    """`async with RouteServer({"/": Answer("<p>Hello</p>")}) as server: server.url`. Other paths are 404."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split()[1].decode().partition("?")[0]
            answer = self.answers.get(path, Answer("nothing here", status=404))
            await asyncio.sleep(answer.wait_s)
            writer.write(answer.written())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            """Whoever asked has gone."""
        finally:
            writer.close()
