"""The page for visitors whom an overloaded shell turns away; it reloads by itself.

Public: `busy`.
"""

import json
from functools import lru_cache
from typing import Any

from django.template.loader import render_to_string

from bff.resilience.door import Answer
from shell.composition.slot_path import SLOTS_PREFIX
from shell.responses import NOTICE_EVENT
from shell.security import header_list

_HTML, _TEXT = b"text/html; charset=utf-8", b"text/plain; charset=utf-8"
_READS = frozenset({"GET", "HEAD"})
# What a page asks for by itself, and handles by itself.
_NOT_PAGES = (SLOTS_PREFIX, "/live/", "/registry/")
_NOT_SENT = "Very many people are here just now, so nothing was sent. Wait a moment, then try again."


def busy(scope: dict[str, Any], retry_after_s: int) -> Answer:
    """The headers and the body of a 503. Made once for each number of seconds: it has to cost next to nothing."""
    sent = {name: value for name, value in scope["headers"] if name == b"hx-request"}
    if scope["method"] not in _READS:
        return _not_sent() if sent.get(b"hx-request") == b"true" else _page(0)
    if scope["path"].startswith(_NOT_PAGES):
        return _text(retry_after_s)
    return _page(retry_after_s)


@lru_cache(maxsize=64)
def _page(retry_after_s: int) -> Answer:
    """Zero seconds: it does not come back by itself, for the browser would send nothing of what was to be sent."""
    html = render_to_string("busy.html", {"retry_after_s": retry_after_s, "language": "en"})
    return _with_headers(_HTML), html.encode()


@lru_cache(maxsize=64)
def _text(retry_after_s: int) -> Answer:
    words = f"Very many people are here just now. Ask again in {retry_after_s} s.\n"
    return _with_headers(_TEXT), words.encode()


@lru_cache(maxsize=1)
def _not_sent() -> Answer:
    """Beside the untouched form, as every notice."""
    trigger = json.dumps({NOTICE_EVENT: {"words": _NOT_SENT, "link": "", "ends": ""}})
    shown = [(b"hx-reswap", b"none"), (b"hx-trigger", trigger.encode())]
    return [*_with_headers(_TEXT), *shown], _NOT_SENT.encode()


def _with_headers(content_type: bytes) -> list[tuple[bytes, bytes]]:
    security = [(name.encode(), value.encode()) for name, value in header_list()]
    return [(b"content-type", content_type), (b"cache-control", b"private, no-store"), *security]
