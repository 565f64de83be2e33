"""A listening socket that outlives the process that serves it, so that connections made during a restart wait instead
of being refused.

Public: `ListeningSocket`.
"""

import socket

WAITING_MAX = 2048


class ListeningSocket:
    """Bound to `host` and `port` while it is open."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._socket: socket.socket | None = None

    def open(self) -> int:
        """Its file descriptor, to be inherited. Raises OSError when another program has the port."""
        if self._socket is None:
            self._socket = socket.create_server(self._address, backlog=WAITING_MAX)
        return self._socket.fileno()

    def close(self) -> None:
        """Refuse connections that wait and those that come."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
