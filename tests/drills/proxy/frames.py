"""The boundaries of WebSocket frames in a stream of bytes (RFC 6455), and frames of the proxy's own.

Public: `FrameCursor`, `frame`, `is_message`, `close`.
"""

import struct

TEXT, CLOSE = 1, 8
_FINAL, _MASKED = 0x80, 0x80


class FrameCursor:
    """Follows a stream; `ends(data)` are the positions in `data` after the last byte of each frame."""

    __slots__ = ("_head", "_left")

    def __init__(self) -> None:
        self._head = b""
        self._left = 0

    @property
    def inside(self) -> bool:
        """Whether the stream is within a frame."""
        return bool(self._head or self._left)

    def ends(self, data: bytes) -> list[int]:
        found, at = [], 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                if not self._left:
                    found.append(at)
                continue
            self._head += data[at : at + 1]
            at += 1
            length = _length(self._head)
            if length is not None:
                self._head, self._left = b"", length
                if not length:
                    found.append(at)
        return found


def _length(head: bytes) -> int | None:
    """The payload length of a complete head; None for an incomplete one."""
    if len(head) < 2:
        return None
    short = head[1] & 0x7F
    extended = {126: 2, 127: 8}.get(short, 0)
    whole = 2 + extended + (4 if head[1] & _MASKED else 0)
    if len(head) < whole:
        return None
    return int.from_bytes(head[2 : 2 + extended], "big") if extended else short


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A complete frame as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((_FINAL | opcode, size)) + payload
    if size < 65536:
        return bytes((_FINAL | opcode, 126)) + struct.pack("!H", size) + payload
    return bytes((_FINAL | opcode, 127)) + struct.pack("!Q", size) + payload


def close(code: int) -> bytes:
    """A server's close frame."""
    return frame(struct.pack("!H", code), CLOSE)


def is_message(data: bytes) -> bool:
    """Whether this complete frame is one message: text or binary, neither a part of one nor a control frame."""
    return bool(data[0] & _FINAL) and data[0] & 0x0F in (1, 2)
