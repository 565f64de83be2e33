"""Whether the outbox has anything to do: a query, but none while nothing at all was committed since the last one.

Public: `CommitWatch`, `IdleCheck`.

A relay looks some twenty times a second, so that an event leaves within 50 ms. SQLite tells in microseconds, without a
thread, whether any other connection has committed (`PRAGMA data_version`); a query takes a thread, and its wake the
rest. Other databases tell no such thing, and are asked each time.
"""

import contextlib
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path


class CommitWatch:
    """Watches the SQLite file at `path`; None where there is none to watch."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None

    def version(self) -> int | None:
        """A number that changes with each commit of another connection; None where only a query can tell."""
        if self._path is None:
            return None
        try:
            if self._database is None:
                # Never waits for a lock, and makes no file where none is.
                self._database = sqlite3.connect(f"{Path(self._path).absolute().as_uri()}?mode=rw", timeout=0, uri=True)
            found: int = self._database.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            self.close()
            return None
        return found

    def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with contextlib.suppress(sqlite3.Error):
                database.close()


class IdleCheck:
    """`query` tells whether partitions have nothing to send; it runs where `watch` can not rule out a change."""

    def __init__(self, watch: CommitWatch, query: Callable[[frozenset[int]], Awaitable[bool]]) -> None:
        self._watch = watch
        self._query = query
        self._idle_at: tuple[int, frozenset[int]] | None = None

    async def is_idle(self, held: frozenset[int]) -> bool:
        """Whether nothing waits in the partitions `held`."""
        # Read before the query: what is committed beside it shows in the next look.
        version = self._watch.version()
        if version is not None and self._idle_at == (version, held):
            return True
        idle = await self._query(held)
        self._idle_at = (version, held) if idle and version is not None else None
        return idle
