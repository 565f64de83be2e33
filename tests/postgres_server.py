"""A real PostgreSQL for tests, from the machine or from Debian's package.

Use: `from tests.postgres_server import PostgresServer`, then `with PostgresServer() as server: … server.url("name")`.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.valkey_server import free_port


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`; installs Debian's package when it is missing and we may."""
    found = _look()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "postgresql"]):
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
        found = _look()
    if found is None:
        raise RuntimeError(
            "These tests need PostgreSQL's server and find none. Install it (Debian: apt-get install postgresql), "
            "or put the folder with initdb and postgres on PATH."
        )
    return found


def _look() -> Path | None:
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    candidates += [Path(path) for path in os.environ.get("PATH", "").split(os.pathsep) if path]
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)


class PostgresServer:
    """Keeps its data in a folder of its own and forgets it at the end; flushes nothing to disk, for speed."""

    def __init__(self) -> None:
        self._binaries = find_binaries()
        self.port = free_port()
        self._folder = tempfile.mkdtemp(prefix="postgres-")
        # PostgreSQL refuses to run as root; Debian's package brings a user for it.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", self._data, "-U", "mullion", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> str:
        return str(Path(self._folder) / "data")

    def url(self, name: str) -> str:
        """A database of that name, made when it is not there."""
        exists = self._run(
            "psql", *self._at("postgres"), "-Atc", f"select 1 from pg_database where datname = '{name}'"
        )  # fmt: skip
        if "1" not in exists:
            self._run("createdb", *self._at(), name)
        return f"postgres://mullion@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        fast = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        command = [str(self._binaries / "postgres"), "-D", self._data, "-p", str(self.port), "-h", "127.0.0.1"]
        self._process = subprocess.Popen(
            [*command, "-k", self._folder, "-c", "max_connections=60", *fast],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=self._user, cwd="/",
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            ready = subprocess.run(
                [str(self._binaries / "pg_isready"), *self._at(), "-q"], user=self._user, cwd="/", timeout=10
            )
            if ready.returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not become ready")

    def stop(self) -> None:
        """End it at once; what was committed is there after `start`."""
        if self._process is not None:
            self._process.send_signal(3)  # SIGQUIT: immediate shutdown
            self._process.wait()
            self._process = None

    def _at(self, database: str | None = None) -> list[str]:
        at = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "mullion"]
        return at + (["-d", database] if database else [])

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            user=self._user, cwd="/", capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")
        return done.stdout
