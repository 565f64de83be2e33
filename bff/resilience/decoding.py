"""Decodes a body's content coding, up to a size limit.

Public: `decoder`, `Identity`, `Inflate`.

Every request asks for identity, so a coded answer is already a fault of the upstream; gzip and deflate are read all the
same (proxies add them), anything else is refused.
"""

import zlib

from bff.resilience.message import CallFailed, Headers
from bff.resilience.reason import Reason

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Identity:
    """A body that is not coded."""

    def __init__(self, decoded_bytes_max: int) -> None:
        self._parts: list[bytes] = []
        self._left = decoded_bytes_max

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; raises `CallFailed` (oversize) at the cap."""
        self._left -= len(chunk)
        if self._left < 0:
            raise _oversize()
        self._parts.append(chunk)

    def finish(self) -> bytes:
        """The whole body."""
        return b"".join(self._parts)


class Inflate:
    """A gzip or deflate body: one member, complete, with nothing behind it."""

    def __init__(self, decoded_bytes_max: int, window_bits: int) -> None:
        self._inflate = zlib.decompressobj(window_bits)
        self._parts: list[bytes] = []
        self._left = decoded_bytes_max

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; raises `CallFailed` (oversize at the cap, encoding when they are not what was said)."""
        try:
            # One byte more than the cap tells a body that just fits from one that does not.
            part = self._inflate.decompress(chunk, self._left + 1)
        except zlib.error as error:
            raise CallFailed(Reason.ENCODING, f"the coded body is broken: {error}", answered=True) from error
        self._left -= len(part)
        if self._left < 0:
            raise _oversize()
        if self._inflate.unused_data:
            raise CallFailed(Reason.ENCODING, "bytes behind the end of the coded body", answered=True)
        self._parts.append(part)

    def finish(self) -> bytes:
        """The whole body; raises `CallFailed` (cut) when the coded stream has no end."""
        if not self._inflate.eof:
            raise CallFailed(Reason.CUT, "the coded body has no end", answered=True)
        return b"".join(self._parts)


def decoder(headers: Headers, decoded_bytes_max: int) -> Identity | Inflate:
    """What reads a body with these headers; raises `CallFailed` (encoding) for a coding that is not read here."""
    codings = [coding.strip().lower() for value in headers.get_all("content-encoding") for coding in value.split(",")]
    codings = [coding for coding in codings if coding not in {"", "identity"}]
    if not codings:
        return Identity(decoded_bytes_max)
    if len(codings) > 1 or codings[0] not in _WINDOW_BITS:
        raise CallFailed(Reason.ENCODING, f"Content-Encoding {', '.join(codings)[:64]}", answered=True)
    return Inflate(decoded_bytes_max, _WINDOW_BITS[codings[0]])


def _oversize() -> CallFailed:
    return CallFailed(Reason.OVERSIZE, "the body is larger than is read", answered=True)
