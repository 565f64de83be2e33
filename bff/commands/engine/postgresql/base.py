"""PostgreSQL for the engine: a COMMIT whose answer was lost has an error of its own, a silent server an end, and a
pooler that drops the engine's limits is refused.

Public: `DatabaseWrapper`.
"""

import os
import socket
import threading
from contextlib import suppress
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.backends.postgresql import base

from bff.commands.engine.postgresql import CommitUnknown
from bff.commands.engine.postgresql.limits import LIMITS_MS, advice, unmet

# The server, or a proxy before it, sends these codes when it closes a connection; they do not say whether the
# transaction was committed.
_LETS_GO = ("08", "57P")


class DatabaseWrapper(base.DatabaseWrapper):
    """Raises `CommitUnknown` where it can not be determined whether a transaction was committed."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._closing = threading.Lock()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except self.Database.OperationalError as error:
            if "unsupported startup parameter" not in str(error):
                raise
            raise OperationalError(
                f"The connection pooler refused the connection ({error}). {advice(conn_params.get('user', ''))}"
            ) from error

    def init_connection_state(self) -> None:
        super().init_connection_state()
        with self.cursor() as cursor:
            cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(LIMITS_MS)])
            missing = unmet({name: int(setting) for name, setting in cursor.fetchall()})
        if missing:
            self.close()
            raise OperationalError(
                f"The database would not end what takes too long: {missing}. No command is taken. "
                + advice(str(self.settings_dict["USER"]))
            )

    def close_socket(self) -> None:
        """Called from another thread: the thread that waits for the server's answer gets an error at once."""
        # The thread may find out by itself at the same moment, and then there is nothing left to end.
        with self._closing, suppress(OSError, self.Database.Error):
            if self.connection is not None:
                with socket.socket(fileno=os.dup(self.connection.fileno())) as server:
                    server.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        with self._closing:
            super()._close()  # type: ignore[misc]  # inside of Django, not in its types

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]  # as above
        except (OperationalError, InterfaceError) as error:
            state = getattr(error.__cause__, "sqlstate", None)
            if state is None or state.startswith(_LETS_GO):
                raise CommitUnknown(str(error)) from error
            raise
