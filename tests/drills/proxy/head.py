"""Heads of HTTP requests: where one begins, and the few facts that a fault needs.

Public: `Request`, `may_begin`, `parse`, `HEAD_BYTES_MAX`, `END`.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from tests.drills.mark import MEMBER

HEAD_BYTES_MAX = 64 * 1024
BAGGAGE_BYTES_MAX = 8192
END = b"\r\n\r\n"
_LINE = re.compile(rb"([A-Z]{3,16}) ([^ \r\n]+) HTTP/1\.[01]\r\n")
_BEGINNING = re.compile(rb"[A-Z]{1,16}(?: [^\r\n]*\r?)?\Z")
_UPGRADE = re.compile(rb"\r\nupgrade:[ \t]*websocket[ \t]*\r\n", re.IGNORECASE)
# Between houses the mark is a member of baggage. A browser can not set that header, so it has a cookie of the same
# name.
_COOKIE = re.compile(rb"\r\ncookie:([^\r\n]*)", re.IGNORECASE)
_BAGGAGE = re.compile(rb"\r\nbaggage:([^\r\n]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """`mark` is the tester's mark that the request carries; empty if it has none, or two."""

    method: str
    target: str
    mark: str = ""
    websocket: bool = False


def may_begin(data: bytes) -> bool:
    """Whether these bytes are, or could become, the beginning of a request."""
    return bool(_LINE.match(data) if b"\n" in data else _BEGINNING.match(data))


def parse(head: bytes) -> Request | None:
    """The request of this head, which ends with an empty line; None if it is not a request's."""
    line = _LINE.match(head)
    if line is None:
        return None
    return Request(
        line[1].decode("ascii"),
        line[2].decode("latin-1"),
        _mark(b",".join(_BAGGAGE.findall(head))) or _mark(b",".join(_COOKIE.findall(head)).replace(b";", b",")),
        _UPGRADE.search(head) is not None,
    )


def _mark(baggage: bytes) -> str:
    if not baggage or len(baggage) > BAGGAGE_BYTES_MAX:
        return ""
    found = set()
    for member in baggage.decode("latin-1").split(","):
        name, _, value = member.partition(";")[0].partition("=")
        if name.strip() == MEMBER:
            found.add(unquote(value.strip()))
    return found.pop() if len(found) == 1 else ""
