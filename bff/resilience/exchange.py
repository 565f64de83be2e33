"""A streamed exchange: request and response bodies pass chunk by chunk; the guard sees the heads only.

Public: `Exchange`, `StreamRequest`, `OpenAnswer`.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from bff.resilience.message import Headers, Request


class OpenAnswer:
    """An answer whose head has come. `length` is its body's in bytes, None where that is not said beforehand.

    `chunks` raises `CallFailed` where the body ends before it is whole, is too large or stands still.
    """

    def __init__(self, status: int, headers: Headers, length: int | None, chunks: AsyncIterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self.length = length
        self.chunks = chunks


class Exchange:
    """What a guarded call carries beside its head: the body that is still to come, and the answer once it is open.

    `length` is the body's, None where it is sent in chunks. `close` ends the connection, at whatever point it is.
    """

    def __init__(self, body: AsyncIterator[bytes] | None = None, length: int | None = None) -> None:
        self.body = body
        self.length = length
        self.answer: OpenAnswer | None = None
        self.closed = False
        self._abort: Callable[[], None] | None = None

    def connected(self, abort: Callable[[], None]) -> None:
        """`abort` ends the connection at once; it is called immediately if no caller waits any more."""
        self._abort = abort
        if self.closed:
            abort()

    def close(self) -> None:
        self.closed = True
        if self._abort is not None:
            self._abort()


@dataclass(frozen=True, slots=True)
class StreamRequest(Request):
    """A request for `StreamTransport`. With `exchange.body` its own `body` is empty."""

    exchange: Exchange = field(default_factory=Exchange, compare=False)
