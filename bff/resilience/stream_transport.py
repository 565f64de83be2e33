"""Calls to one upstream whose bodies are never held: a connection a call, ended with it. The border to h11.

Public: `StreamTransport`, `StreamLimits`.

A guard settles such a call at its head: `send` answers a `Response` without a body, and the request's `Exchange` has
the open answer. It follows no redirect, obeys no proxy of the environment, keeps no cookie and retries nothing.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult, urlsplit

import h11

from bff.resilience.addresses import AddressRule
from bff.resilience.deadline import Deadline
from bff.resilience.exchange import OpenAnswer, StreamRequest
from bff.resilience.framing import REDIRECTS, check_head
from bff.resilience.lookup import Lookup, Resolve, resolve
from bff.resilience.message import CallFailed, Headers, Request, Response
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.stream_connection import StreamConnection

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """`head_ms`: how long a head may take once the body has been sent. `idle_ms`: how long a stream may stand still."""

    head_ms: int = 5000
    idle_ms: int = 60_000


class StreamTransport:
    """The connections to one upstream. The policy's `wire_bytes_max` caps an answer's body."""

    def __init__(
        self,
        policy: Policy,
        limits: StreamLimits,
        *,
        clock: Callable[[], float] = time.monotonic,
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
        rule: AddressRule | None = None,
    ) -> None:
        self._rule = rule
        self._policy = policy
        self._limits = limits
        self._clock = clock
        self._lookup = Lookup(policy.lookup_s_max, clock, resolve)
        self._given_trust = trust

    async def send(self, request: Request, deadline: Deadline) -> Response:
        """The head of the answer to `request`; raises `CallFailed`, and nothing else but `CancelledError`."""
        assert isinstance(request, StreamRequest), "only who reads an open answer comes here"
        exchange = request.exchange
        try:
            connection = await self._connect(urlsplit(request.url), deadline)
            exchange.connected(connection.abort)
            try:
                async with asyncio.timeout(self._left_s(deadline)):
                    head = await self._head(connection, request)
                exchange.answer = self._opened(connection, request, head)
            except BaseException:
                connection.abort()
                raise
        except TimeoutError as error:
            raise CallFailed(Reason.TIMEOUT, "no answer in time") from error
        except CallFailed as failed:
            if exchange.closed:
                raise CallFailed(Reason.LEFT, "the one who asked has gone") from failed
            raise
        return Response(exchange.answer.status, exchange.answer.headers, b"")

    async def aclose(self) -> None:
        """Each connection ends with its exchange; there is nothing to close."""

    async def _connect(self, parts: SplitResult, deadline: Deadline) -> StreamConnection:
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        trust = self._trust if parts.scheme == "https" else None  # its making is no time of the upstream's
        left_s = min(self._policy.connect_ms / 1000, self._left_s(deadline))
        addresses = await self._lookup.check(host, left_s * 1000)
        there = host
        if self._rule is not None:
            self._rule.check(host, addresses)
            there = addresses[0] if addresses else host
        try:
            async with asyncio.timeout(left_s):
                reader, writer = await asyncio.open_connection(
                    there, port, ssl=trust, server_hostname=host if trust else None
                )
        except TimeoutError as error:
            raise CallFailed(Reason.CONNECT_TIMEOUT, "no connection in time") from error
        except ssl.SSLError as error:
            raise CallFailed(Reason.TLS, str(error)[:200]) from error
        except OSError as error:
            raise CallFailed(Reason.CONNECT, str(error)[:200]) from error
        return StreamConnection(reader, writer, self._policy.headers_bytes_max)

    async def _head(self, connection: StreamConnection, request: StreamRequest) -> h11.Response:
        """The head. An upstream may refuse before it has read the whole body; what it accepts is sent whole."""
        sending = asyncio.ensure_future(connection.send(request))
        reading = asyncio.ensure_future(connection.read_head())
        try:
            await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and not reading.exception() and reading.result().status_code >= 400:
                return reading.result()
            await sending
            async with asyncio.timeout(self._limits.head_ms / 1000):
                return await reading
        finally:
            for task in (sending, reading):
                task.cancel()
            await asyncio.gather(sending, reading, return_exceptions=True)

    def _opened(self, connection: StreamConnection, request: StreamRequest, head: h11.Response) -> OpenAnswer:
        try:
            headers = Headers((name.decode("ascii"), value.decode("ascii")) for name, value in head.headers)
        except UnicodeDecodeError as error:
            raise CallFailed(Reason.FRAMING, "a header is not ASCII", answered=True) from error
        if head.status_code in REDIRECTS or request.method == "HEAD":
            # Where it leads, or its head, is all that is wanted of it.
            connection.abort()
            return OpenAnswer(head.status_code, headers, 0, _nothing())
        length = check_head(head.status_code, f"HTTP/{head.http_version.decode()}", headers, self._policy)
        chunks = connection.chunks(idle_ms=self._limits.idle_ms, bytes_max=self._policy.wire_bytes_max)
        return OpenAnswer(head.status_code, headers, length, chunks)

    def _left_s(self, deadline: Deadline) -> float:
        left_ms = deadline.remaining_ms(self._clock())
        if left_ms <= 0:
            raise CallFailed(Reason.CONNECT_TIMEOUT, "no time was left to call")
        return left_ms / 1000

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return self._given_trust or ssl.create_default_context()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
