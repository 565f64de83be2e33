"""Names for epochs and rows that sort by the time they were made.

Public: `next_epoch`, `fresh_id`.
"""

import secrets
import time


def next_epoch(previous: str = "") -> str:
    """An epoch that sorts after `previous`, whatever the clock says: 12 hexadecimal digits of milliseconds and 6 of
    chance, so that two databases never share one."""
    now_ms = time.time_ns() // 1_000_000
    if previous:
        now_ms = max(now_ms, int(previous[:12], 16) + 1)
    return f"{now_ms:012x}{secrets.token_hex(3)}"


def fresh_id(prefix: str) -> str:
    """A name that nobody has used, later ones sorting later."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(8)}"
