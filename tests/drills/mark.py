"""The mark of one tester's browser session: who can mint one, and its form in cookies and headers.

Public: `MEMBER`, `COOKIE`, `mint`, `name_of`, `key_of`, `LIFE_S`.

In a browser it is a cookie, between houses one member of the `baggage` header (W3C Baggage). A fault names the whole
value, signature included, so that a forged or cut one matches nothing. `up --drills` makes the key that signs it, for
that run only; a house reads marks only if it was given that key.
"""

import secrets
import time
from pathlib import Path

from bff.contracts.partition import COOKIE, MEMBER, read, sign
from shell.operations.up.keys import PARTITION_FILE

__all__ = ["COOKIE", "LIFE_S", "MEMBER", "key_of", "mint", "name_of"]

LIFE_S = 8 * 3600
"""A tester's day. At the end of the run the key is gone, and every mark with it."""


def mint(key: str, name: str = "", *, now: float | None = None, life_s: int = LIFE_S) -> str:
    """The cookie's value for the tester `name`, or for a random name; raises `PartitionRefused`."""
    now = time.time() if now is None else now
    return sign(key, name or f"tester-{secrets.token_hex(4)}", expires_s=int(now) + life_s)


def name_of(value: str, key: str, *, now: float | None = None) -> str:
    """The name in the mark; empty if it is forged, expired or no mark."""
    found = read(value, key, now=time.time() if now is None else now)
    return found.name if found else ""


def key_of(data: Path) -> str:
    """The key of the copy with this data folder; empty if it runs without drills."""
    try:
        return (data / PARTITION_FILE).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
