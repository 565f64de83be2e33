"""PostgreSQL for the engine: a COMMIT whose answer was lost has an error of its own, and a silent server an end.

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

# The server says these, or a proxy before it, when it lets a connection go: not whether the transaction counts.
_LETS_GO = ("08", "57P")


class DatabaseWrapper(base.DatabaseWrapper):
    """Raises `CommitUnknown` where nobody knows whether a transaction was committed."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._closing = threading.Lock()

    def close_socket(self) -> None:
        """From another thread: whoever waits for the server's answer learns at once that there will be none."""
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
