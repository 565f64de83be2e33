"""The body of a browser's request to a fragment's API: small ones are read whole, large ones streamed.

Public: `IncomingBody`, `BrowserLeft`, `BodyTooLarge`, `BodyTooSlow`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

from asgiref.typing import ASGIReceiveCallable

from bff.resilience.message import CallFailed
from bff.resilience.reason import Reason
from shell.composition.proxy_policy import ProxyPolicy


class BrowserLeft(Exception):
    """The browser has disconnected."""


class BodyTooLarge(Exception):
    """It has more bytes than anything that may be sent."""


class BodyTooSlow(Exception):
    """A small body did not come in time."""


class IncomingBody:
    """The body of one request. `length` is what its head says, None where it says nothing."""

    def __init__(self, headers: Mapping[str, str], receive: ASGIReceiveCallable, policy: ProxyPolicy) -> None:
        self._receive = receive
        self._policy = policy
        length = headers.get("content-length", "")
        chunked = "transfer-encoding" in headers
        self.length = None if chunked else int(length) if length.isdigit() else 0
        self._ended = asyncio.Event()

    @property
    def large(self) -> bool:
        """Whether it is to be passed on as it comes."""
        return self.length is None or self.length > self._policy.small_body_bytes_max

    async def whole(self) -> bytes:
        """A body that is not large; raises `BrowserLeft` and `BodyTooSlow`."""
        body = b""
        try:
            async with asyncio.timeout(self._policy.small_body_ms / 1000):
                async for chunk in self._messages():
                    body += chunk
        except TimeoutError:
            raise BodyTooSlow from None
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        """A large one, for a transport; whoever leaves or sends too much is a `CallFailed` that blames nobody."""
        left = self._policy.upload_bytes_max
        try:
            async for chunk in self._messages():
                left -= len(chunk)
                if left < 0:
                    raise CallFailed(Reason.LEFT, "the upload is too large") from BodyTooLarge()
                yield chunk
        except BrowserLeft as error:
            raise CallFailed(Reason.LEFT, "the browser left while it sent") from error

    async def left(self) -> None:
        """Returns when the browser has gone, at the earliest when its body has been read."""
        await self._ended.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _messages(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._receive()
            if message["type"] != "http.request":
                raise BrowserLeft
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]
        self._ended.set()
