"""A real pgbouncer in transaction mode in front of a test's PostgreSQL, from the machine or from Debian's package.

Use: `with PgBouncer(postgres, ignore_options=True) as pooler: pooler.url(address)`.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from tests.support.debian import find_program
from tests.support.free_ports import free_port
from tests.support.postgres_server import PostgresServer

# Fewer than the threads of two engines, so that they have to share connections.
SERVER_CONNECTIONS = 5
STANDS_S_MAX = 20


class PgBouncer:
    """`ignore_options`: whether clients that send startup options, as the engine does, are accepted."""

    def __init__(self, postgres: PostgresServer, *, ignore_options: bool) -> None:
        self._program = find_program("pgbouncer")
        self.port = free_port()
        self._folder = tempfile.mkdtemp(prefix="pgbouncer-")
        ignored = "extra_float_digits, options" if ignore_options else "extra_float_digits"
        (Path(self._folder) / "users").write_text('"mullion" ""\n')
        (Path(self._folder) / "ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={postgres.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {self._folder}/users\npool_mode = transaction\n"
            f"default_pool_size = {SERVER_CONNECTIONS}\nmax_client_conn = 200\nserver_login_retry = 1\n"
            f"ignore_startup_parameters = {ignored}\n"
        )
        # pgbouncer refuses to run as root, as PostgreSQL does.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, address: str) -> str:
        """The same database, through the pooler."""
        parts = urlsplit(address)
        return urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{self.port}"))

    def __enter__(self) -> Self:
        if self._user:
            account = pwd.getpwnam(self._user)
            for path in (self._folder, f"{self._folder}/users", f"{self._folder}/ini"):
                os.chown(path, account.pw_uid, account.pw_gid)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it accepts a client."""
        command = [self._program, f"{self._folder}/ini"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet, user=self._user, cwd="/")
        deadline = time.monotonic() + STANDS_S_MAX
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise RuntimeError(f"pgbouncer did not stand within {STANDS_S_MAX} s")

    def stop(self) -> None:
        """Kill it: every connection through it is cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
