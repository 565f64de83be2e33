"""The data folder of one port base: locked by one run at a time, forgotten on request.

Public: `disabled_folder`, `locked`.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shell.operations.up.preflight import PreflightFailed

LOCK = "lock"
DISABLED = "disabled"


def disabled_folder(data: Path) -> Path:
    """A file in here, named like a process, keeps that process down."""
    return data / DISABLED


@contextmanager
def locked(data: Path, *, fresh: bool) -> Iterator[None]:
    """Own `data` until the end; with `fresh`, what earlier runs left is deleted first. Raises `PreflightFailed`."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Python opens files not to be inherited, so no child can hold the lock after this process is gone.
        lock = open(data / LOCK, "a+", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise PreflightFailed(f"The data folder {data} can not be used: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise PreflightFailed(
                f"Mullion already runs on the data folder {data} (process {owner}). "
                "Stop it with Ctrl-C there, or start a second copy beside it: --port-base 9000"
            ) from error
        _prepare(data, fresh=fresh)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
        lock.truncate(0)


def _prepare(data: Path, *, fresh: bool) -> None:
    for path in data.iterdir():
        # What was disabled in an earlier run is no reason to start half a house in this one.
        if path.name != LOCK and (fresh or path.name == DISABLED):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    disabled_folder(data).mkdir()
    (data / "valkey").mkdir(exist_ok=True)
