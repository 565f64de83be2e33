"""SQLite's one writer at a time, among several processes that want to.

Public: `in_turn`.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection

from bff.commands.policy import EnginePolicy

T = TypeVar("T")


def in_turn(work: Callable[[], T], policy: EnginePolicy) -> T:
    """`work`, as soon as no other process writes.

    SQLite would sleep up to 100 ms between two looks, so that one busy writer keeps every other one out. Each piece of
    work takes the lock at its beginning or does nothing, so it can begin again.
    """
    if connection.connection is None:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 0")
            if not policy.durable:
                cursor.execute("PRAGMA synchronous = NORMAL")
    until = time.monotonic() + policy.lock_ms_max / 1000
    while True:
        try:
            return work()
        except OperationalError as error:
            locked = getattr(error.__cause__, "sqlite_errorname", "").startswith("SQLITE_BUSY")
            if not locked or time.monotonic() >= until:
                raise
            time.sleep(policy.lock_poll_ms / 1000)
