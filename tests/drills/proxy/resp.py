"""Parses values of RESP, the protocol of Valkey and Redis (versions 2 and 3), from a stream of bytes.

Public: `Value`, `NotResp`, `value_at`, `command`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

END = b"\r\n"
_LINES = b"+-:_#,("
_BULKS = b"$=!"
_LISTS = b"*~>"
_MAPS = b"%|"
DEPTH_MAX = 16


class NotResp(ValueError):
    """These bytes are not a value."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value and its place: its bytes are `data[begin:end]`, those of its content `data[inner:end]`. `kind` is its
    first byte; `items` are those of a list, or the keys and values of a map by turns."""

    kind: int
    begin: int
    inner: int
    end: int
    items: tuple["Value", ...] = ()

    @property
    def is_list(self) -> bool:
        return self.kind in _LISTS

    @property
    def is_map(self) -> bool:
        return self.kind in _MAPS

    def of(self, data: bytes) -> bytes:
        return data[self.begin : self.end]

    def text(self, data: bytes) -> bytes:
        """The content of a bulk string; empty for any other value."""
        return data[self.inner : self.end - len(END)] if self.kind in _BULKS else b""


def value_at(data: bytes, begin: int, depth: int = 0) -> Value | None:
    """The value at this place; None if it is incomplete. Raises `NotResp`."""
    if begin >= len(data):
        return None
    kind = data[begin]
    if kind not in _LINES + _BULKS + _LISTS + _MAPS or depth > DEPTH_MAX:
        raise NotResp(f"no value begins with {bytes([kind])!r}")
    line_end = data.find(END, begin)
    if line_end < 0:
        return None
    inner = line_end + len(END)
    if kind in _LINES:
        return Value(kind, begin, inner, inner)
    length = _length(data[begin + 1 : line_end])
    if kind in _BULKS:
        end = inner + length + len(END) if length >= 0 else inner
        return Value(kind, begin, inner, end) if end <= len(data) else None
    items: list[Value] = []
    at = inner
    for _ in range(length * 2 if kind in _MAPS else length):
        item = value_at(data, at, depth + 1)
        if item is None:
            return None
        items.append(item)
        at = item.end
    return Value(kind, begin, inner, at, tuple(items))


def command(words: Iterable[bytes]) -> bytes:
    """A command as a client sends it."""
    parts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(parts)


def _length(text: bytes) -> int:
    if text == b"-1":
        return -1
    if not text.isdigit() or len(text) > 10:
        raise NotResp(f"{text[:16]!r} is no length")
    return int(text)
