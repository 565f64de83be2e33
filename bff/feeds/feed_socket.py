"""The border to a provider's WebSocket: its errors become reason words here.

Public: `FeedSocket`, `SocketFailed`.
"""

import asyncio
import socket as sockets
import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI, PayloadTooBig

from bff.resilience.reason import Reason


class SocketFailed(Exception):
    """There is no connection, or not any more."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class FeedSocket:
    """One connection: `async with FeedSocket(url, …) as socket`. Raises `SocketFailed` and nothing else."""

    def __init__(self, url: str, *, connect_s: float, frame_bytes_max: int) -> None:
        # The sandbox is exported as http; the scheme says no more than whether there is TLS.
        self._url = "ws" + url[4:] if url.startswith("http") else url
        self._connect_s = connect_s
        self._frame_bytes_max = frame_bytes_max
        self._connection: ClientConnection | None = None

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(self._connect_s):
                self._connection = await connect(
                    self._url,
                    open_timeout=None,
                    # A provider that is there talks; under a flood its pong would only come too late.
                    ping_interval=None,
                    close_timeout=0.5,
                    max_size=self._frame_bytes_max,
                    max_queue=16,
                    compression=None,
                    proxy=None,
                )
        except (OSError, InvalidHandshake, InvalidURI, ConnectionClosed, EOFError) as error:
            raise SocketFailed(_connect_reason(error), f"{type(error).__name__} {error}".rstrip()) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def messages(self) -> AsyncIterator[str | bytes]:
        """Everything that comes, until the connection ends."""
        assert self._connection is not None, "the socket is used inside its context"
        while True:
            try:
                yield await self._connection.recv()
            except ConnectionClosed as error:
                raise SocketFailed(_end_reason(error), f"{type(error).__name__} {error}".rstrip()) from error

    async def send(self, message: dict[str, Any]) -> None:
        """`message` as JSON."""
        assert self._connection is not None, "the socket is used inside its context"
        try:
            await self._connection.send(msgspec.json.encode(message).decode())
        except ConnectionClosed as error:
            raise SocketFailed(_end_reason(error), f"{type(error).__name__} {error}".rstrip()) from error


def _connect_reason(error: Exception) -> Reason:
    if isinstance(error, TimeoutError):
        return Reason.CONNECT_TIMEOUT
    if isinstance(error, sockets.gaierror):
        return Reason.DNS
    if isinstance(error, ssl.SSLError):
        return Reason.TLS
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        if status in (401, 403):
            return Reason.UNAUTHORISED
        if status == 429:
            return Reason.THROTTLED
        return Reason.UPSTREAM_ERROR if status >= 500 else Reason.REJECTED
    return Reason.CUT if isinstance(error, InvalidHandshake | EOFError | ConnectionClosed) else Reason.CONNECT


def _end_reason(error: ConnectionClosed) -> Reason:
    return Reason.OVERSIZE if isinstance(error.__cause__, PayloadTooBig) else Reason.CUT
