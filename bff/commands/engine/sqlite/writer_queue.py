"""A queue for SQLite's single write lock among several processes.

Public: `WriterQueue`.
"""

import fcntl
import os
import sqlite3
import time
from contextlib import suppress


class WriterQueue:
    """When one connection may begin to write.

    SQLite leaves it to chance who is next, and sleeps up to 100 ms between two attempts: a busy writer has begun again
    before anybody else has looked. So whoever wants to write first takes a lock on a file, which one process can hold
    at a time, and keeps it until its own transaction has begun. The busy writer finds the lock taken and is next after
    that. A process that dies releases the lock, one that is frozen while it holds it is passed by after `queue_ms_max`.
    Holding it proves nothing: the lock that counts is SQLite's.
    """

    def __init__(self, path: str, *, wait_ms_max: int, queue_ms_max: int, poll_ms: float) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._wait_s_max = wait_ms_max / 1000
        self._queue_s_max = queue_ms_max / 1000
        self._poll_s = poll_ms / 1000

    def begin(self, connection: sqlite3.Connection) -> None:
        """Begin a writing transaction once no other one is open; SQLite's "busy" after the longest wait.

        The connection's own busy time-out must be zero.
        """
        began, is_next = time.monotonic(), False
        try:
            while True:
                is_next = is_next or self._take_next()
                waited_s = time.monotonic() - began
                if is_next or waited_s >= self._queue_s_max:
                    try:
                        connection.execute("BEGIN IMMEDIATE")
                        return
                    except sqlite3.OperationalError as error:
                        busy = error.sqlite_errorname.startswith("SQLITE_BUSY")
                        if not busy or waited_s >= self._wait_s_max:
                            raise
                time.sleep(self._poll_s)
        finally:
            if is_next:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _take_next(self) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False
