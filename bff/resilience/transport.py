"""Calls over HTTP to one upstream: complete, unambiguous, bounded answers, or a `CallFailed`. The border to pyreqwest.

Public: `Transport`, `Sender`, `PinnedAddress`, `host_of`, and from `message`: `Request`, `Response`, `Headers`,
`CallFailed`.

It follows no redirect, obeys no proxy of the environment, keeps no cookie and retries nothing. What may change
something travels on a connection of its own: a kept one may have been closed by the other side a moment ago, and who
meets that can not know whether the request was read.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response as ForeignResponse

from bff.contracts import headers as names
from bff.resilience.deadline import Deadline
from bff.resilience.decoding import decoder
from bff.resilience.framing import check_head
from bff.resilience.lookup import Lookup, Resolve, resolve
from bff.resilience.message import CallFailed, Headers, Request, Response
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.translation import translate

__all__ = ["CallFailed", "Headers", "PinnedAddress", "Request", "Response", "Sender", "Transport", "host_of"]


class Sender(Protocol):
    """What a guard needs of a transport: `send` raises nothing but `CallFailed`."""

    async def send(self, request: Request, deadline: Deadline) -> Response: ...

    async def aclose(self) -> None: ...


class PinnedAddress(NamedTuple):
    """A host, and the one address that stands for it; an empty one where the host is an address itself."""

    host: str
    address: str


def host_of(request: Request) -> str:
    """Whom a request is for; raises `CallFailed` where its URL is none."""
    try:
        parts = urlsplit(request.url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"}:
        raise CallFailed(Reason.INTERNAL, "the URL is not an absolute http or https URL")
    return host


class Transport:
    """The connections to one upstream. `trust_pem` adds a root certificate to the system's. A `pin` is for one host
    alone, which is not looked up: it is connected to at that address, whatever its name leads to.

    Cancelling `send` does not end the call below it: that lives until its deadline. Who must know when it really ended
    lets `send` run to its end, as `Guard` does.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        clock: Callable[[], float] = time.monotonic,
        trust_pem: bytes | None = None,
        resolve: Resolve = resolve,
        pin: PinnedAddress | None = None,
    ) -> None:
        self._pin = pin
        self.policy = policy
        self._clock = clock
        self._trust_pem = trust_pem
        self._lookup = Lookup(policy.lookup_s_max, clock, resolve)
        self._pooled: Client | None = None
        self._unpooled: Client | None = None

    async def send(self, request: Request, deadline: Deadline) -> Response:
        """The whole answer to `request`; raises `CallFailed`, and nothing else but `CancelledError`."""
        host, left_ms = host_of(request), self._left_ms(deadline)
        if self._pin is None:
            await self._lookup.check(host, min(self.policy.connect_ms, left_ms))
        else:
            assert host == self._pin.host, "another host has a transport of its own"
        try:
            async with self._build(request, self._left_ms(deadline)) as answer:
                return await self._receive(answer, redirects=request.redirects)
        except CallFailed as failed:
            if failed.reason is Reason.FRAMING:
                # Where one answer ended is in doubt, so is where the next begins: nothing of this pool is used again.
                # The client can not drop one connection, but it drops them all once the calls in flight have ended.
                self._pooled = None
            raise
        except (PyreqwestError, OSError) as error:
            raise translate(error) from error

    async def aclose(self) -> None:
        """Close every connection. A later `send` opens anew."""
        clients = [client for client in (self._pooled, self._unpooled) if client is not None]
        self._pooled = self._unpooled = None
        for client in clients:
            await client.close()

    def _left_ms(self, deadline: Deadline) -> int:
        left_ms = deadline.remaining_ms(self._clock())
        if left_ms <= 0:
            # Nothing was sent yet, and the reason must say so.
            raise CallFailed(Reason.CONNECT_TIMEOUT, "no time was left to call")
        return left_ms

    def _build(self, request: Request, remaining_ms: int) -> StreamRequest:
        headers = [(name, value) for name, value in request.headers if name.lower() != "accept-encoding"]
        headers.append(("Accept-Encoding", "identity"))
        try:
            builder = self._client_for(request).request(request.method, request.url).headers(headers)
            if request.body:
                builder = builder.body_bytes(request.body)
            return builder.timeout(timedelta(milliseconds=remaining_ms)).build_streamed()
        except (ValueError, PyreqwestError) as error:
            raise CallFailed(Reason.INTERNAL, f"the request can not be sent: {error}"[:200]) from error

    async def _receive(self, answer: ForeignResponse, *, redirects: bool) -> Response:
        try:
            headers = Headers(answer.headers.items())
        except ValueError as error:
            raise CallFailed(Reason.FRAMING, "a header is not ASCII", answered=True) from error
        length = check_head(answer.status, answer.version, headers, self.policy, redirects=redirects)
        body = decoder(headers, self.policy.decoded_bytes_max)
        if length == 0:
            return Response(answer.status, headers, b"")
        left = self.policy.wire_bytes_max
        while (chunk := await answer.body_reader.read_chunk()) is not None:
            left -= len(chunk)
            if left < 0:
                raise CallFailed(Reason.OVERSIZE, f"more than {self.policy.wire_bytes_max} B came", answered=True)
            body.feed(chunk.to_bytes())
        return Response(answer.status, headers, body.finish())

    def _client_for(self, request: Request) -> Client:
        if request.unpooled or not request.safe:
            if self._unpooled is None:
                self._unpooled = self._configure(idle_max=0).build()
            return self._unpooled
        if self._pooled is None:
            self._pooled = self._configure(idle_max=self.policy.in_flight_max).build()
        return self._pooled

    def _configure(self, idle_max: int) -> ClientBuilder:
        policy = self.policy
        builder = (
            ClientBuilder()
            .user_agent(names.USER_AGENT)
            .no_proxy()
            .follow_redirects(False)
            .referer(False)
            .http1_only()
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .connect_timeout(timedelta(milliseconds=policy.connect_ms))
            .pool_idle_timeout(timedelta(milliseconds=policy.idle_ms_max))
            .pool_max_idle_per_host(idle_max)
        )
        if self._pin is not None and self._pin.address:
            builder = builder.resolve(*self._pin, 0)
        return builder.add_root_certificate_pem(self._trust_pem) if self._trust_pem else builder
