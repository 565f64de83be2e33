"""Python processes that begin as copies of one that has already imported the third-party packages of all houses.

Public: `start`, `run`, `PreloadedProcess`.

This import is most of a house's start-up cost. One parent, a child of the process that runs the tests, does it once and
forks. A copy differs from `python -m module` only in what is in `sys.modules` already; nothing of this repository is,
so that each copy reads its own code, settings and environment. A copy has a process id of its own, to be killed, frozen
and waited for like any other, and ends with the parent.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
# None of these reads the environment, starts a thread, or belongs to this repository.
IMPORTED = (
    "asgiref.sync",
    "babel.core",
    "cryptography.hazmat.primitives.serialization",
    "dj_database_url",
    "django.core.handlers.asgi",
    "django.core.management.commands.migrate",
    "django.db.models",
    "django.db.backends.sqlite3.base",
    "django.middleware.csrf",
    "django.template.backends.django",
    "django.urls",
    "django.views.defaults",
    "httptools",
    "jwt",
    "msgspec",
    "prometheus_client",
    "pydantic",
    "pyreqwest.client",
    "pyreqwest.exceptions",
    "pyreqwest.request",
    "redis.asyncio",
    "structlog",
    "tomllib",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
    "websockets.asyncio.client",
)
OWN = {"bff", "fragments", "shell", "tests"}
LENGTH_BYTES = 4
NOT_YET = -1000
POLL_S, POLL_S_MAX = 0.002, 0.05


class Parent:
    """The preloaded process, started with the first copy that is wanted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: socket.socket | None = None

    def ask(self, request: Mapping[str, Any], files: list[int]) -> int:
        """The parent's answer: a process id, or the exit status of a process."""
        with self._lock:
            line = self._line = self._line or self._begin()
            body = json.dumps(request).encode()
            socket.send_fds(line, [len(body).to_bytes(LENGTH_BYTES, "big")], files)
            line.sendall(body)
            return int.from_bytes(_exactly(line, LENGTH_BYTES), "big", signed=True)

    def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.preloaded", str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        return ours


PARENT = Parent()


class PreloadedProcess:
    """The part of `subprocess.Popen` that tests use."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            ended = PARENT.ask({"poll": self.pid}, [])
            self.returncode = None if ended == NOT_YET else ended
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        pause_s = POLL_S
        end = None if timeout is None else time.monotonic() + timeout
        while (ended := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, POLL_S_MAX)
        return ended

    def send_signal(self, number: int) -> None:
        # The parent must not reap the process before its exit status was requested, or another process could get its
        # id.
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    module: str, *arguments: str, env: Mapping[str, str], cwd: Path = ROOT, stdout: int = 1, stderr: int = 2
) -> PreloadedProcess:
    """`python -m module arguments…`; `stdout` and `stderr` are file descriptors."""
    request = {"module": module, "arguments": arguments, "environment": dict(env), "folder": str(cwd)}
    return PreloadedProcess(PARENT.ask(request, [stdout, stderr]))


def run(module: str, *arguments: str, env: Mapping[str, str], timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Runs the module to its end; raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start(module, *arguments, env=env, stdout=out.fileno(), stderr=err.fileno())
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess([module, *arguments], code, _all(out), _all(err))


def _all(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _exactly(line: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        if not (more := line.recv(size - len(found))):
            raise EOFError("the other side is gone")
        found += more
    return found


# --- in the preloaded process


def serve(line: socket.socket) -> dict[str, Any] | None:
    """Answers until the tests end; in a copy, returns what the copy has to run."""
    from shell.operations.up.orphan_guard import end_with_parent

    arm = end_with_parent(signal.SIGKILL)
    while True:
        head, files, _, _ = socket.recv_fds(line, LENGTH_BYTES, 2)
        if not head:
            return None
        head += _exactly(line, LENGTH_BYTES - len(head))
        request: dict[str, Any] = json.loads(_exactly(line, int.from_bytes(head, "big")))
        if "poll" in request:
            answer = _ended(request["poll"])
        elif (answer := os.fork()) == 0:
            arm()
            line.close()
            for number, file in enumerate(files, 1):
                os.dup2(file, number)
                os.close(file)
            return request
        for file in files:
            os.close(file)
        line.sendall(answer.to_bytes(LENGTH_BYTES, "big", signed=True))


def _ended(pid: int) -> int:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else NOT_YET


def become(request: dict[str, Any]) -> None:
    """Does what `python -m` does in a process of its own: everything of this repository is imported in the copy."""
    for name in [name for name in sys.modules if name.partition(".")[0] in OWN]:
        del sys.modules[name]
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    os.environ.setdefault("LC_CTYPE", "C.UTF-8")
    time.tzset()
    sys.argv = [request["module"], *request["arguments"]]
    sys.path[0] = request["folder"]
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


def main() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    # The copy's garbage collector ignores the inherited objects: visiting them writes to each memory page, and so
    # copies it.
    gc.collect()
    gc.freeze()
    if request := serve(socket.socket(fileno=int(sys.argv[1]))):
        become(request)


if __name__ == "__main__":
    main()
