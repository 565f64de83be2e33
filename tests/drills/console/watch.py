"""The lobby as a visitor sees it: the state of each slot, and when it was seen.

Public: `look`.
"""

import re
import time
from collections.abc import Callable

import httpx

from tests.drills.console.history import FRESH, PAGE

UNREACHABLE = "unreachable"
PATIENCE_S = 5.0
PAGE_BYTES_MAX = 4 << 20
_SLOT = re.compile(rb'<fragment-slot slot="([\w-]+)"([^>]*)>')
_STATE = re.compile(rb'data-state="([\w-]*)"')
_REASON = re.compile(rb'data-reason="([\w-]*)"')
Seen = Callable[[dict[str, tuple[str, str]], float], None]


async def look(http: httpx.AsyncClient, url: str, cookie: str, seen: Seen) -> None:
    """Load the page once; `seen` gets each slot with the moment of its arrival."""
    headers = {"Cookie": cookie} if cookie else {}
    try:
        async with http.stream("GET", url, headers=headers, timeout=PATIENCE_S) as answer:
            status = answer.status_code
            received, at = b"", 0
            async for piece in answer.aiter_bytes():
                received += piece
                if len(received) > PAGE_BYTES_MAX:
                    raise httpx.DecodingError("the page does not end")
                at = _slots(received, at, seen)
    except httpx.HTTPError as error:
        seen({PAGE: (UNREACHABLE, _words(error))}, time.monotonic())
        return
    whole = status == 200 and received.rstrip().endswith(b"</html>")
    seen({PAGE: (FRESH, "") if whole else (f"status-{status}" if status != 200 else "cut", "")}, time.monotonic())


def _slots(received: bytes, at: int, seen: Seen) -> int:
    """Passes on the complete slots after `at`; returns the position after the last."""
    for found in _SLOT.finditer(received, at):
        state, reason = _STATE.search(found[2]), _REASON.search(found[2])
        if state:
            both = (state[1].decode("ascii"), reason[1].decode("ascii") if reason else "")
            seen({found[1].decode("ascii"): both}, time.monotonic())
        at = found.end()
    return at


def _words(error: httpx.HTTPError) -> str:
    return "no answer in time" if isinstance(error, httpx.TimeoutException) else "refused or cut"
