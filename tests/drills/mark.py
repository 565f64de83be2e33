"""The mark of one tester's browser session: who can make one, and what it looks like as it travels.

Public: `MEMBER`, `COOKIE`, `mint`, `name_of`, `key_of`, `LIFE_S`.

In a browser it is a cookie, between houses one member of the `baggage` header (W3C Baggage), and a fault names its
value whole, signature included, so that one which is forged or cut matches nothing. `up --drills` makes the key that
signs it, for that run alone; the houses read a mark only where they were given that key.
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
    """The cookie's value for the tester `name`, or for a name of chance; raises `PartitionRefused`."""
    now = time.time() if now is None else now
    return sign(key, name or f"tester-{secrets.token_hex(4)}", expires_s=int(now) + life_s)


def name_of(value: str, key: str, *, now: float | None = None) -> str:
    """Whose mark it is; empty where it is forged, expired or no mark."""
    found = read(value, key, now=time.time() if now is None else now)
    return found.name if found else ""


def key_of(data: Path) -> str:
    """The key of the copy whose data folder this is; empty where it runs without drills."""
    try:
        return (data / PARTITION_FILE).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
