"""How often a server writes for one answer: each write costs it CPU, and its reader again."""

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from bff.resilience.bounds import ServerPolicy, bounded_http

pytestmark = pytest.mark.quick

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Connection(asyncio.Transport):
    """Records what is written to it, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


class Served:
    """A server's connection in this process; `rest` is what its application sends after the head."""

    def __init__(self, *rest: dict[str, Any], headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.more = asyncio.Event()
        self.connection = Connection()
        policy = ServerPolicy()

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for message in rest:
                if message.pop("later", False):
                    await self.more.wait()
                await send({"type": "http.response.body", **message})

        config = uvicorn.Config(application, http=bounded_http(policy), log_level="critical")
        config.load()
        protocol = config.http_protocol_class(config=config, server_state=ServerState(), app_state={})  # type: ignore[call-arg]
        protocol.connection_made(self.connection)
        self.protocol: Any = protocol

    async def ask(self, request: bytes = GET) -> list[bytes]:
        """Everything that is written until nothing more happens by itself."""
        self.protocol.data_received(request)
        for _ in range(10):
            await asyncio.sleep(0)
        return self.connection.written


async def test_answer_is_written_at_once() -> None:
    """Head and body together, for each of two requests on one connection."""
    served = Served({"body": b"hello"}, headers=((b"content-length", b"5"),))
    [first] = await served.ask()
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert first.endswith(b"\r\n\r\nhello")
    assert await served.ask() == [first, first]


async def test_head_of_a_stream_does_not_wait_for_what_comes_later() -> None:
    """Whoever waits for events knows at once that they are listened to."""
    served = Served({"body": b"later", "later": True})
    [head] = await served.ask()
    assert head.endswith(b"\r\n\r\n")
    served.more.set()
    for _ in range(10):
        await asyncio.sleep(0)
    assert b"".join(served.connection.written[1:]) == b"5\r\nlater\r\n0\r\n\r\n"


async def test_answer_without_a_body_leaves_before_its_connection_ends() -> None:
    served = Served({"body": b""}, headers=((b"content-length", b"0"), (b"connection", b"close")))
    assert (await served.ask(GET.replace(b"GET", b"HEAD")))[0].startswith(b"HTTP/1.1 200 OK")
    assert served.connection.closed


async def test_nothing_is_written_to_a_connection_that_is_gone() -> None:
    served = Served({"body": b"late", "later": True})
    served.protocol.data_received(GET)
    await asyncio.sleep(0)
    served.connection.close()
    for _ in range(10):
        await asyncio.sleep(0)
    assert served.connection.written == []
