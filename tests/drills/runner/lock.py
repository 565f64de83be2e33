"""One drill at a time on a machine, and how the one that runs is halted from another terminal.

Public: `locked`, `halt`, `Busy`.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "drills.lock"
HALT_WAIT_S_MAX = 20.0


class Busy(Exception):
    """Another drill runs; the message says which."""


@contextmanager
def locked(root: Path, what: str) -> Iterator[None]:
    """Hold the lock while drills run; raises `Busy`. The kernel releases the lock of a killed process."""
    root.mkdir(parents=True, exist_ok=True)
    with open(root / LOCK, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid, running = _owner(root)
            raise Busy(
                f"Another drill runs ({running}, process {pid}), and each would disturb what the other measures: wait, "
                "or end it with manage.py drill stop"
            ) from error
        _write(root, f"{os.getpid()} {what}")
        yield
        _write(root, "")


def halt(root: Path) -> str:
    """Ask the running drill to heal and end; returns what was done, in words. Raises `Busy` if it does not end."""
    if not _is_held(root):
        return "No drill runs."
    pid, what = _owner(root)
    if pid:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + HALT_WAIT_S_MAX
    while _is_held(root):
        if time.monotonic() > deadline:
            raise Busy(
                f"{what} (process {pid}) has not ended after {HALT_WAIT_S_MAX:g} s. Its faults heal by themselves; "
                "to heal them at once: manage.py drill heal"
            )
        time.sleep(0.1)
    return f"{what} was halted, and what it broke is healed."


def _owner(root: Path) -> tuple[int, str]:
    try:
        pid, _, what = (root / LOCK).read_text("utf-8").partition(" ")
    except OSError:
        return 0, "unknown"
    return int(pid) if pid.isdecimal() else 0, what or "unknown"


def _is_held(root: Path) -> bool:
    try:
        with open(root / LOCK, encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _write(root: Path, text: str) -> None:
    # Written in place: the lock is on this file, and a new file would not be locked.
    with open(root / LOCK, "r+", encoding="utf-8") as file:
        file.truncate(0)
        file.write(text)
