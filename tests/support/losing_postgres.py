"""A proxy between a house and its PostgreSQL that loses COMMITs, or their answers.

Use: `with LosingPostgres(port) as proxy: proxy.lose("answer")`, and the house connects to `proxy.port`.
"""

import socket
import socketserver
import threading
from contextlib import suppress
from typing import Literal, Self

# A COMMIT on the wire: a simple query (`Q`, its length, its text).
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"


class LosingPostgres:
    """Every COMMIT after `lose` is lost, with its connection, until `keep`. `lost` counts them."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.losing: Literal["", "commit", "answer"] = ""
        self.lost = 0
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.port = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def lose(self, what: Literal["commit", "answer"]) -> None:
        """`commit`: the server never gets it. `answer`: the server commits, and its answer is lost."""
        self.losing = what

    def keep(self) -> None:
        self.losing = ""


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Handler(socketserver.BaseRequestHandler):
    proxy: LosingPostgres

    def handle(self) -> None:
        self.deaf = False
        self.answered = threading.Event()
        with socket.create_connection(("127.0.0.1", self.proxy.target_port)) as server, suppress(OSError):
            threading.Thread(target=self._back, args=(server,), daemon=True).start()
            try:
                self._forth(server)
            finally:
                # Closing is not enough while the other thread reads: the server would keep its locks.
                server.shutdown(socket.SHUT_RDWR)

    def _forth(self, server: socket.socket) -> None:
        while raw := self.request.recv(65536):
            losing = self.proxy.losing if COMMIT in raw else ""
            if losing:
                self.proxy.lost += 1
            if losing == "commit":
                return
            self.deaf = losing == "answer"
            server.sendall(raw)
            if self.deaf:
                self.answered.wait(5)
                return

    def _back(self, server: socket.socket) -> None:
        with suppress(OSError):
            while (raw := server.recv(65536)) and not self.deaf:
                self.request.sendall(raw)
            self.answered.set()
            self.request.shutdown(socket.SHUT_RDWR)
