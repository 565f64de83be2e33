"""Names for epochs and rows that sort by the time they were made.

Public: `next_epoch`, `is_epoch`, `fresh_id`.
"""

import re
import secrets
import time


def next_epoch(previous: str = "") -> str:
    """An epoch that sorts after `previous`, whatever the clock says: 12 hexadecimal digits of milliseconds and 6 of
    chance, so that two databases never share one."""
    now_ms = time.time_ns() // 1_000_000
    if previous:
        now_ms = max(now_ms, int(previous[:12], 16) + 1)
    return f"{now_ms:012x}{secrets.token_hex(3)}"


def is_epoch(text: str) -> bool:
    """Whether this is an epoch that `next_epoch` could have made."""
    return re.fullmatch("[0-9a-f]{18}", text) is not None


def fresh_id(prefix: str) -> str:
    """A unique id; ids sort by the time they were made."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(8)}"
