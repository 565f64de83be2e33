"""Answers that the proxy sends instead of the upstream's: those of `tests/origin`, by the same switches.

Public: `give`.
"""

import asyncio
from typing import TYPE_CHECKING, Any, cast

from tests.drills.proxy.head import END, Request
from tests.origin.exchange import Exchange
from tests.origin.faults import parse
from tests.origin.server import BODY

if TYPE_CHECKING:
    from tests.drills.proxy.connection import Connection

_STATUS = b"HTTP/1.1 "


async def give(switch: str, request: Request, connection: "Connection", number: int) -> None:
    """Sends the whole answer of `switch`. The connection is closed after it, and its headers say so if it has any."""
    wanted = parse(switch)
    assert wanted.fault.answer is not None
    writer = _Writer(connection, body=request.method != "HEAD")
    exchange = Exchange(
        asyncio.StreamReader(),
        cast(asyncio.StreamWriter, writer),
        request.method,
        request.target,
        {},
        number,
        BODY,
        wanted.argument,
    )
    await wanted.fault.answer(exchange)


class _Writer:
    """The part of a StreamWriter that an answer uses; what it writes goes through the toxics as any answer does."""

    def __init__(self, connection: "Connection", *, body: bool) -> None:
        self._connection, self._body = connection, body
        self._started = self._headed = False

    def write(self, data: bytes) -> None:
        if not self._started:
            self._started = True
            line, end, rest = data.partition(b"\r\n")
            if line.startswith(_STATUS) and not line.startswith(b"HTTP/1.1 101"):
                data = line + end + b"Connection: close" + end + rest
        if self._headed and not self._body:
            return
        head, end, _ = data.partition(END)
        if end and not self._headed:
            self._headed = True
            data = data if self._body else head + end
        self._connection.downstream.feed(data)

    async def drain(self) -> None:
        await self._connection.downstream.room()
        if self._connection.closed:
            raise ConnectionResetError

    @property
    def transport(self) -> asyncio.Transport | None:
        return self._connection.downstream.sink

    def get_extra_info(self, name: str) -> Any:
        return None if self.transport is None else self.transport.get_extra_info(name)
