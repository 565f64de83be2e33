"""Streamed bodies: the outcome is decided at the head, the call ends with its connection, failures are translated."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from bff.resilience.deadline import Deadline
from bff.resilience.exchange import Exchange, StreamRequest
from bff.resilience.message import CallFailed, Response
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.stream_transport import StreamLimits, StreamTransport
from tests.origin.server import Origin

POLICY = Policy(wire_bytes_max=1000, headers_bytes_max=4000, connect_ms=3000)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def upstream(answer: bytes | Handler) -> AsyncIterator[str]:
    """A server that reads a head, answers these bytes and closes; or runs the given handler."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            if isinstance(answer, bytes):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()
            else:
                await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def transport(policy: Policy = POLICY, **limits: int) -> StreamTransport:
    return StreamTransport(policy, StreamLimits(**{"head_ms": 2000, "idle_ms": 2000, **limits}))


def soon(ms: int = 3000) -> Deadline:
    return Deadline.after_ms(asyncio.get_running_loop().time(), ms)


def request(url: str, method: str = "GET", body: bytes = b"", exchange: Exchange | None = None) -> StreamRequest:
    return StreamRequest(method, url, (("x-a", "1"),), body, exchange=exchange or Exchange())


async def call(url: str, method: str = "GET", **more: int) -> tuple[Response, bytes]:
    sent = request(url, method)
    response = await transport(**more).send(sent, soon())
    assert sent.exchange.answer is not None
    return response, b"".join([chunk async for chunk in sent.exchange.answer.chunks])


async def failed(url: str, method: str = "GET", *, deadline_ms: int = 3000, **more: int) -> CallFailed:
    sent = request(url, method)

    async def to_its_end() -> None:
        await transport(**more).send(sent, soon(deadline_ms))
        assert sent.exchange.answer is not None
        async for _ in sent.exchange.answer.chunks:
            """Read on."""

    with pytest.raises(CallFailed) as met:
        await to_its_end()
    return met.value


async def given(*chunks: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if error:
        raise error


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\nno", b"no"),
        (b"HTTP/1.1 303 See\r\nlocation: /x\r\ncontent-length: 9\r\n\r\n", b""),
    ],
)
async def test_head_is_answered_and_the_body_follows(answer: bytes, body: bytes) -> None:
    async with upstream(answer) as url:
        response, came = await call(f"{url}/a?b=c")
    assert (response.body, came) == (b"", body)


async def test_head_of_a_head_has_no_body() -> None:
    async with upstream(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n") as url:
        response, came = await call(url, "HEAD")
    assert (response.status, came) == (200, b"")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", Reason.CUT),
        (b"HTTP/1.1 200 OK\r\ncontent-le", Reason.CUT),
        (b"nonsense\r\n\r\n", Reason.FRAMING),
        (b"HTTP/1.1 103 E\r\n\r\n" * 9, Reason.FRAMING),
        (b"HTTP/1.1 200 OK\r\n\r\nok", Reason.FRAMING),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n", Reason.FRAMING),
        (b"HTTP/1.1 200 OK\r\nx: \xff\r\ncontent-length: 0\r\n\r\n", Reason.FRAMING),
        (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n" + OK, Reason.FRAMING),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, Reason.HEADERS_OVERSIZE),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n", Reason.OVERSIZE),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001 + b"\r\n", Reason.OVERSIZE),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok", Reason.CUT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", Reason.CUT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", Reason.FRAMING),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + (b"1;" + b"e" * 4000 + b"\r\na\r\n") * 60,
            Reason.FRAMING,
        ),
    ],
)
async def test_answer_that_is_broken_is_told_by_its_reason(answer: bytes, reason: Reason) -> None:
    async with upstream(answer) as url:
        assert (await failed(url)).reason is reason


async def test_upstream_that_is_not_there_was_sent_nothing() -> None:
    assert (await failed("http://127.0.0.1:9/")).reason is Reason.CONNECT
    assert (await failed("http://no-such-name.invalid/")).reason is Reason.DNS
    assert (await failed("http://127.0.0.1:9/", deadline_ms=0)).reason is Reason.CONNECT_TIMEOUT


async def test_connection_that_takes_too_long_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio, "open_connection", never)
    assert (await failed("http://127.0.0.1:9/", deadline_ms=20)).reason is Reason.CONNECT_TIMEOUT


async def test_certificate_is_checked() -> None:
    async with Origin(tls=True) as origin:
        assert (await failed(f"{origin.url}/x")).reason is Reason.TLS
        assert origin.authority is not None
        import ssl

        trust = ssl.create_default_context(cadata=origin.authority.pem.decode())
        sent = request(f"{origin.url}/x")
        await StreamTransport(Policy(connect_ms=3000), StreamLimits(), trust=trust).send(sent, soon())
        assert sent.exchange.answer is not None
        assert [chunk async for chunk in sent.exchange.answer.chunks]


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def begins(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
    await reader.read()


async def test_silence_ends_by_the_deadline_and_a_stream_that_stands_still_by_its_own() -> None:
    async with upstream(silence) as url:
        assert (await failed(url, deadline_ms=50)).reason is Reason.TIMEOUT
        assert (await failed(url, head_ms=50)).reason is Reason.TIMEOUT
    async with upstream(begins) as url:
        late = await failed(url, idle_ms=50)
    assert (late.reason, late.answered) == (Reason.TIMEOUT, True)


async def test_who_leaves_ends_the_connection_at_any_point() -> None:
    """Before it stands, before the head, and while the body comes; it is nobody's failure."""
    ended = asyncio.Event()

    async def hears_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        ended.set()

    async with upstream(hears_the_end) as url:
        for already in (False, True):
            sent = request(url)
            sending = asyncio.ensure_future(transport().send(sent, soon()))
            await asyncio.sleep(0 if already else 0.05)
            sent.exchange.close()
            with pytest.raises(CallFailed) as met:
                await sending
            assert met.value.reason is Reason.LEFT
            await asyncio.wait_for(ended.wait(), 30)
            ended.clear()
    async with upstream(begins) as url:
        sent = request(url)
        await transport().send(sent, soon())
        assert sent.exchange.answer is not None
        chunks = sent.exchange.answer.chunks
        assert await anext(chunks) == b"ok"
        sent.exchange.close()
        with pytest.raises(CallFailed):
            await anext(chunks)


async def test_caller_that_is_cancelled_ends_the_connection() -> None:
    async with upstream(silence) as url:
        sending = asyncio.ensure_future(transport().send(request(url), soon()))
        await asyncio.sleep(0.05)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


async def reads_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    body = await (reader.readuntil(b"0\r\n\r\n") if b"chunked" in head else reader.readexactly(4))
    lead = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body)
    writer.write(lead + body)


@pytest.mark.parametrize(
    ("exchange", "body", "came"),
    [
        (lambda: Exchange(given(b"ab", b"cd"), 4), b"", b"abcd"),
        (lambda: Exchange(given(b"ab", b"cd"), None), b"", b"2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"),
        (Exchange, b"abcd", b"abcd"),
    ],
)
async def test_body_is_sent_as_it_comes(exchange: Callable[[], Exchange], body: bytes, came: bytes) -> None:
    async with upstream(reads_all) as url:
        sent = request(url, "POST", body, exchange())
        await transport().send(sent, soon())
        assert sent.exchange.answer is not None
        assert b"".join([chunk async for chunk in sent.exchange.answer.chunks]) == came
        await transport().aclose()


async def test_upload_of_who_left_or_promised_more_blames_nobody() -> None:
    gone = CallFailed(Reason.LEFT, "gone")
    async with upstream(silence) as url:
        for exchange in (
            Exchange(given(b"ab", error=gone), 4),
            Exchange(given(b"ab"), 4),
            Exchange(given(b"abcde"), 4),
        ):
            with pytest.raises(CallFailed) as met:
                await transport().send(request(url, "POST", exchange=exchange), soon())
            assert met.value.reason is Reason.LEFT


async def test_refusal_before_the_whole_upload_was_read_is_the_answer() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0.01)

    async with upstream(b"HTTP/1.1 413 Large\r\ncontent-length: 2\r\n\r\nno") as url:
        sent = request(url, "POST", exchange=Exchange(endless(), None))
        assert (await transport().send(sent, soon())).status == 413


async def test_connection_that_is_reset_is_cut() -> None:
    async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with upstream(resets) as url:
        assert (await failed(url)).reason is Reason.CUT

        async def long() -> AsyncIterator[bytes]:
            for _ in range(200):
                yield b"x" * 100_000

        with pytest.raises(CallFailed) as met:
            await transport().send(request(url, "POST", exchange=Exchange(long(), None)), soon())
        assert met.value.reason is Reason.CUT
