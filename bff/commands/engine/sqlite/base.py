"""SQLite for the engine: a transaction can begin when it is its turn.

Public: `DatabaseWrapper`.
"""

from django.db.backends.sqlite3 import base

from bff.commands.engine.sqlite.turns import Turns


class DatabaseWrapper(base.DatabaseWrapper):
    """With `turns`, transactions on this connection wait as those say; without, as SQLite does."""

    turns: Turns | None = None

    def _start_transaction_under_autocommit(self) -> None:
        if self.turns is None:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # inside of Django, not in its types
            return
        with self.wrap_database_errors:
            self.turns.begin(self.connection)

    def close(self) -> None:
        super().close()
        if self.connection is None and self.turns is not None:
            self.turns.close()
            self.turns = None
