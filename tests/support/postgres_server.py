"""A real PostgreSQL for tests, from the machine or from Debian's package, that can be killed and started again.

Use the fixture `postgres` (see `tests/conftest.py`): `postgres.url("engine")` gives the address of an empty database.
Or by hand: `with PostgresServer() as server: …`.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.debian import install_package
from tests.support.free_ports import free_port


class NoPostgres(RuntimeError):
    """There is no PostgreSQL server here and none can be installed; the message says what to do."""


def find_binaries(say: Callable[[str], object] = print) -> Path:
    """The folder with `initdb` and `postgres`; installs Debian's package when it is missing and that is allowed."""
    found = _look()
    if found is None:
        say("PostgreSQL is not here; installing Debian's package …")
        install_package("postgresql")
        found = _look()
    if found is None:
        raise NoPostgres(
            "These tests need PostgreSQL's server and find none. Install it (Debian: apt-get install postgresql), "
            "or put the folder with initdb and postgres on PATH."
        )
    return found


def _look() -> Path | None:
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    candidates = sorted(installed, key=lambda path: float(path.parent.name), reverse=True)
    candidates += [Path(path) for path in os.environ.get("PATH", "").split(os.pathsep) if path]
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)


class PostgresServer:
    """Keeps its data in a folder of its own and forgets it at the end.

    For speed it does not wait for the disk; committed data is in the system's cache, and survives a kill of the server.
    """

    def __init__(self, port: int | None = None) -> None:
        self._programs = find_binaries()
        self.port = port or free_port()
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
    def pid(self) -> int:
        """The process id of the server itself; each connection is a child process."""
        assert self._process is not None, "PostgreSQL is not running"
        return self._process.pid

    @property
    def _data(self) -> str:
        return str(Path(self._folder) / "data")

    def url(self, name: str, *, template: str = "template1") -> str:
        """The address of a database of that name, empty or a copy of `template`; an older one is dropped."""
        self._run("dropdb", *self._at(), "--if-exists", "--force", name)
        self._run("createdb", *self._at(), "-T", template, name)
        self._checkpoint()
        return f"postgres://mullion@127.0.0.1:{self.port}/{name}"

    def has(self, name: str) -> bool:
        """Whether there is a database of that name."""
        found = f"SELECT count(*) FROM pg_database WHERE datname = '{name}'"
        return self._run("psql", *self._at(), "-d", "postgres", "-qAtc", found) == "1\n"

    def copy(self, name: str, to: str) -> None:
        """Replace the database `to` by a copy of `name`; all connections to either are cut."""
        self._run("dropdb", *self._at(), "--if-exists", "--force", to)
        ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        self._run("psql", *self._at(), "-d", "postgres", "-qAtc", ended)
        self._run("createdb", *self._at(), "-T", name, to)
        self._checkpoint()

    def dump(self, name: str, file: Path) -> None:
        """Write what the database holds to a file of SQL, for `load` of this or another server."""
        file.write_text(self._run("pg_dump", *self._at(), name))

    def load(self, file: Path, name: str) -> None:
        """The database `name` as `dump` wrote it; there is none of that name until it is whole."""
        self.url("loading")
        arguments = [*self._at(), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", "loading"]
        self._run("psql", *arguments, stdin=file.read_text())
        self._run("psql", *self._at(), "-d", "postgres", "-qAtc", f"ALTER DATABASE loading RENAME TO {name}")

    def _checkpoint(self) -> None:
        """PostgreSQL reserves 32 values of a sequence at a time, and a copied one would not record that: killed before
        a checkpoint, it would hand out the same values again."""
        self._run("psql", *self._at(), "-d", "postgres", "-qAtc", "CHECKPOINT")

    def start(self) -> None:
        """Start it, after `stop` with the same data, and wait until it answers."""
        fast = ["-c", "fsync=off", "-c", "full_page_writes=off"]
        command = [str(self._programs / "postgres"), "-D", self._data, "-p", str(self.port), "-h", "127.0.0.1"]
        self._process = subprocess.Popen(
            [*command, "-k", self._folder, "-c", "max_connections=60", *fast],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            cwd="/",
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            ready = subprocess.run(
                [str(self._programs / "pg_isready"), *self._at(), "-q"], user=self._user, cwd="/", timeout=10
            )
            if ready.returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not become ready within 30 s")

    def stop(self) -> None:
        """Kill it; committed data is there after `start`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        """Freeze it: sockets stay open, nothing answers, no new client is accepted."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        # The server first, so that it starts no child meanwhile.
        os.kill(self.pid, number)
        for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(child), number)

    def _at(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "mullion"]

    def _run(self, program: str, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            user=self._user,
            cwd="/",
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")
        return done.stdout
