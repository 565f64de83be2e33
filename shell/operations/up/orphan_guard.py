"""Ends every child when the supervisor dies: parent-death signals, the sweeper, and a watch on `uv`.

Public: `OrphanGuard`, `end_with_parent`, `parent_is_uv`.
"""

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
_prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None) if sys.platform == "linux" else None


def end_with_parent(signal_number: int) -> Callable[[], None]:
    """What a child runs between fork and exec: the kernel sends it `signal_number` when its parent dies (Linux)."""
    parent = os.getpid()

    def arm() -> None:
        if _prctl is not None:
            _prctl(PR_SET_PDEATHSIG, signal_number)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal_number)

    return arm


def parent_is_uv() -> bool:
    """Whether the parent process is `uv run`: if it is killed, this process must end too. Any other parent may end for
    good reasons (nohup, a shell that exits).
    """
    parent = os.getppid()
    with contextlib.suppress(OSError):
        return Path(f"/proc/{parent}/comm").read_text("utf-8").strip() == "uv"
    command = ["ps", "-o", "comm=", "-p", str(parent)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return Path(listed.stdout.strip()).name == "uv"


class OrphanGuard:
    """The sweeper process, started again if it is killed."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._start()

    def track(self, group: int) -> None:
        self._groups.add(group)
        self._send(f"+{group}\n")

    def untrack(self, group: int) -> None:
        self._groups.discard(group)
        self._send(f"-{group}\n")

    def close(self) -> None:
        """Let the sweeper end; it sweeps what is still held."""
        with contextlib.suppress(BrokenPipeError):
            self._pipe.close()
        self._sweeper.wait()

    def check(self) -> None:
        if self._sweeper.poll() is not None:
            self._start()
            for group in self._groups:
                self._send(f"+{group}\n")

    def _send(self, line: str) -> None:
        try:
            self._pipe.write(line)
            self._pipe.flush()
        except BrokenPipeError:
            # It was killed; `_groups` has the line already, and `check` tells its successor all of them.
            self.check()

    def _start(self) -> None:
        command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("sweeper.py"))]
        read_end, write_end = os.pipe()
        with open(read_end, "rb") as stdin:
            self._sweeper = subprocess.Popen(command, stdin=stdin, start_new_session=True)  # noqa: S603
        self._pipe = open(write_end, "w", encoding="ascii")  # noqa: SIM115
