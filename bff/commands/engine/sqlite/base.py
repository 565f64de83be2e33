"""SQLite for the engine: writers of several processes queue.

Public: `DatabaseWrapper`.
"""

from django.db.backends.sqlite3 import base

from bff.commands.engine.sqlite.writer_queue import WriterQueue


class DatabaseWrapper(base.DatabaseWrapper):
    """With a `writer_queue`, transactions on this connection wait in it; without, as SQLite does."""

    writer_queue: WriterQueue | None = None

    def _start_transaction_under_autocommit(self) -> None:
        if self.writer_queue is None:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # inside of Django, not in its types
            return
        with self.wrap_database_errors:
            self.writer_queue.begin(self.connection)

    def close(self) -> None:
        super().close()
        if self.connection is None and self.writer_queue is not None:
            self.writer_queue.close()
            self.writer_queue = None
