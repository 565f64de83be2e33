"""Limits of a connection: heads and bodies end in time, heads are bounded in size, and honest requests are
never cut."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from typing import Any

import pytest
import uvicorn

from bff.resilience.bounds import ServerPolicy, bounded_http, policy_of

pytestmark = pytest.mark.quick

POLICY = ServerPolicy(
    head_s_max=0.2,
    body_s_max=0.2,
    head_bytes_max=8_000,
    unread_bytes_max=100_000,
    unused_s_max=1,
)
REST = b"Host: a\r\n\r\n"


class Served:
    """A server in this process. `handler` may read and answer as it likes; by default it reads everything, then
    answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.paths: list[str] = []
        self.handler: Callable[..., Any] = self.read_all

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                pass
            return
        self.paths.append(scope["path"])
        await self.handler(receive, send)

    async def read_all(self, receive: Any, send: Any) -> None:
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] != "http.disconnect":
            await answer(send)

    async def answer_unread(self, receive: Any, send: Any) -> None:
        await answer(send)

    async def talk(self, *pieces: bytes, every_s: float = 0.02, hang_up: bool = False, answers: int = 0) -> bytes:
        """Everything that comes back until the server closes the connection or has sent so many answers, or the time is
        over."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        got = b""
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(every_s)
            if hang_up:
                writer.write_eof()
            async with asyncio.timeout(20 if answers else 0.7):
                while chunk := await reader.read(65_536):
                    got += chunk
                    if answers and got.count(b"\r\n\r\nok") == answers:
                        return got
            return got + b"<end>"
        except TimeoutError:
            return got
        except ConnectionError:
            return got + b"<cut>"
        finally:
            writer.transport.abort()


async def answer(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Stops with the test."""
    listening = socket.create_server(("127.0.0.1", 0))
    house = Served(listening.getsockname()[1])
    config = uvicorn.Config(
        house,
        http=bounded_http(POLICY),
        ws="websockets-sansio",
        timeout_keep_alive=POLICY.unused_s_max,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign]
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 (a server tells so in no other way)
        await asyncio.sleep(0.01)
    yield house
    server.should_exit = server.force_exit = True
    await running


async def test_head_that_drips_is_ended_in_time(served: Served) -> None:
    """A slow loris holds its connection for `head_s_max`, however steadily it drips, and is told 408."""
    began = time.monotonic()
    got = await served.talk(*[b"GET / HTTP/1.1\r\nX: "], *[b"a"] * 30, every_s=0.02)
    assert got.startswith(b"HTTP/1.1 408") or got == b"<cut>"
    assert time.monotonic() - began < 6
    assert served.paths == []


async def test_body_that_drips_is_ended_in_time(served: Served) -> None:
    """So is a body, and the application learns that its caller has left."""
    got = await served.talk(b"POST / HTTP/1.1\r\nContent-Length: 9999\r\n" + REST, every_s=0.3)
    assert got.startswith(b"HTTP/1.1 408")
    assert got.endswith(b"<end>")


async def test_head_beyond_the_limit_is_431(served: Served) -> None:
    """In one piece or in many; nothing of it reaches the application, and memory for it is bounded."""
    large = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 100) for n in range(100)) + REST
    assert (await served.talk(large)).startswith(b"HTTP/1.1 431")
    pieces = [large[at : at + 1000] for at in range(0, len(large), 1000)]
    one_line = [b"GET / HTTP/1.1\r\nX: ", *[b"a" * 1000] * 12]
    for slow in (pieces, one_line):
        # A client that goes on sending may find the connection cut before it has read the refusal.
        got = await served.talk(*slow, every_s=0.005)
        assert got.startswith(b"HTTP/1.1 431") or got == b"<cut>"
    assert served.paths == []


async def test_requests_within_the_limits_are_served(served: Served) -> None:
    """A head of nearly the limit, pieces of any size, bodies larger than a head may be, several in one piece."""
    head = b"GET /large HTTP/1.1\r\nX: " + b"a" * 7_900 + b"\r\n" + REST
    assert b"200 OK" in await served.talk(head, answers=1)
    post = b"POST /body HTTP/1.1\r\nContent-Length: 20000\r\n" + REST + b"b" * 20_000
    halves = [post[:15], post[15:5000], post[5000:]]
    assert b"200 OK" in await served.talk(*halves, answers=1)
    behind = post + b"GET /behind HTTP/1.1\r\n"
    assert (await served.talk(behind, REST, answers=2)).count(b"200 OK") == 2
    assert served.paths == ["/large", "/body", "/body", "/behind"]


async def test_application_that_reads_late_costs_its_caller_nothing(served: Served) -> None:
    """A body that waits for the application is not a slow one."""

    async def late(receive: Any, send: Any) -> None:
        await asyncio.sleep(0.4)
        await served.read_all(receive, send)

    served.handler = late
    post = b"POST / HTTP/1.1\r\nContent-Length: 400000\r\n" + REST + b"b" * 400_000
    assert b"200 OK" in await served.talk(post, every_s=0, answers=1)


async def test_answer_before_the_end_of_a_body_arrives(served: Served) -> None:
    """What is left of the body is read and thrown away, so the answer is not lost with it, and the connection lives."""
    served.handler = served.answer_unread
    post = [b"POST /a HTTP/1.1\r\nContent-Length: 50000\r\n" + REST, b"b" * 25_000, b"b" * 25_000]
    got = await served.talk(*post, b"GET /b HTTP/1.1\r\n" + REST, answers=2)
    assert got.count(b"200 OK") == 2
    assert served.paths == ["/a", "/b"]


async def test_body_that_goes_on_after_its_answer_is_cut(served: Served) -> None:
    """By size, and by time, without a second answer."""
    served.handler = served.answer_unread
    endless = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + REST
    flood = await served.talk(endless, *[b"3e8\r\n" + b"b" * 1000 + b"\r\n"] * 150, every_s=0)
    assert flood.count(b"HTTP/1.1") <= 1
    assert flood.endswith(b"<cut>")
    slow = await served.talk(endless, every_s=0.4)
    assert (slow.count(b"HTTP/1.1"), slow[-5:]) == (1, b"<end>")


async def test_half_a_request_behind_one_that_is_answered_is_not_answered_in_its_place(served: Served) -> None:
    """A refusal is never taken for the answer to another request."""

    async def never(receive: Any, send: Any) -> None:
        await asyncio.sleep(0.5)

    served.handler = never
    got = await served.talk(b"GET /a HTTP/1.1\r\n" + REST + b"GET /b HT", every_s=0.4)
    assert got == b"<end>"


async def test_what_is_no_http_is_400(served: Served) -> None:
    """In a head and in a body."""
    assert (await served.talk(b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.1 400")
    bad_chunk = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + REST + b"zz\r\n"
    assert (await served.talk(bad_chunk)).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\n" + REST])
async def test_connection_that_nobody_uses_is_kept_for_a_while_and_then_ended(served: Served, begin: bytes) -> None:
    """Longer than a head may take, with or without a request before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(begin)
    began = time.monotonic()
    async with asyncio.timeout(5):
        while await reader.read(1000):
            pass
    assert POLICY.unused_s_max - 0.1 < time.monotonic() - began
    writer.close()


async def test_offer_of_another_protocol_is_answered_in_this_one(served: Served, caplog: Any) -> None:
    """And costs no line in the log, since clients that could speak HTTP/2 offer it with every request."""
    got = await served.talk(b"GET /h2c HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" + REST, answers=1)
    assert b"200 OK" in got
    assert "upgrade" not in caplog.text.lower()


async def test_socket_outlives_the_limits_of_requests(served: Served) -> None:
    """Neither the time of its head nor that of unused connections ends it, also behind a request in pieces."""
    upgrade = (
        b"GET /live HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + REST
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET / HTTP/1.1\r\n" + REST)
    await reader.readuntil(b"ok")
    writer.write(upgrade[:50])
    await asyncio.sleep(0.05)
    writer.write(upgrade[50:])
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(POLICY.unused_s_max + 0.5):
            await reader.read(1)
    writer.transport.abort()


async def test_caller_that_leaves_in_the_middle_leaves_nothing(served: Served) -> None:
    """No timer runs for a connection that is gone."""
    got = await served.talk(b"GET / HT", hang_up=True)
    await asyncio.sleep(0.3)
    assert got == b"<end>"
    assert served.paths == []


def test_numbers_can_be_set_and_slips_are_told() -> None:
    """An installation's own limits by name; a limit of nothing is a slip as much as a wrong name."""
    assert policy_of({}) == policy_of({"HOUSE_POLICIES": ""}) == ServerPolicy()
    assert policy_of({"HOUSE_POLICIES": '{"server": {"head_s_max": 5}}'}) == ServerPolicy(head_s_max=5)
    for slip in ("[", "[1]", '{"head_ms": 5}', '{"head_s_max": 0}', '{"head_s_max": "5"}'):
        with pytest.raises(SystemExit, match="HOUSE_POLICIES can not be used"):
            policy_of({"HOUSE_POLICIES": f'{{"server": {slip}}}'})


def test_unused_connection_outlives_a_balancers_patience() -> None:
    """60 s is usual: whoever ends a connection first may meet a request on it."""
    assert ServerPolicy().unused_s_max > 60
