"""SQLite's one writer at a time, among several processes that want to.

Public: `Turns`.
"""

import fcntl
import os
import sqlite3
import time
from contextlib import suppress


class Turns:
    """When one connection may begin to write.

    SQLite leaves it to chance who is next, and would sleep up to 100 ms between two looks: a busy writer has begun
    again before anybody else has looked. So whoever wants to write first takes the door, a file that one can hold at a
    time, and keeps it until the one inside has come out. The busy writer finds it taken and is next after that. A
    process that dies lets go of the door, one that is frozen in it is passed by after `door_ms_max`, and to hold it
    proves nothing: the lock that counts is SQLite's.
    """

    def __init__(self, door: str, *, wait_ms_max: int, door_ms_max: int, poll_ms: float) -> None:
        self._door = os.open(door, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._wait_s_max = wait_ms_max / 1000
        self._door_s_max = door_ms_max / 1000
        self._poll_s = poll_ms / 1000

    def begin(self, line: sqlite3.Connection) -> None:
        """Begin a transaction that may write, as soon as nobody else does; SQLite's "busy" after the longest wait.

        The connection's own busy time-out must be zero.
        """
        began, has_door = time.monotonic(), False
        try:
            while True:
                has_door = has_door or self._take_door()
                waited_s = time.monotonic() - began
                if has_door or waited_s >= self._door_s_max:
                    try:
                        line.execute("BEGIN IMMEDIATE")
                        return
                    except sqlite3.OperationalError as error:
                        busy = error.sqlite_errorname.startswith("SQLITE_BUSY")
                        if not busy or waited_s >= self._wait_s_max:
                            raise
                time.sleep(self._poll_s)
        finally:
            if has_door:
                fcntl.flock(self._door, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._door)

    def _take_door(self) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(self._door, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False
