"""What is dear to make and the same for everybody is made once a run, by whichever of its processes needs it first.

Public: `made_once`, `folder`, `use`. The processes of a run share a folder: the one that hands out work makes it and
tells the others (`tests/conftest.py`). It goes with the run.
"""

import fcntl
import functools
import tempfile
from collections.abc import Callable
from pathlib import Path


class _Shared:
    path: Path | None = None


def use(path: str) -> None:
    """This process shares the folder that another one made."""
    _Shared.path = Path(path)


def folder() -> Path:
    """What the processes of this run share."""
    return _Shared.path or Path(_own().name)


@functools.cache
def _own() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="made-once-")


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """The path that `make` has filled: here, or in another process, which is waited for.

    `make` gets a path where nothing is, and where something lies when it has returned. If it fails it is called again.
    """
    made = folder() / name
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=folder()) as aside:
                make(Path(aside) / name)
                (Path(aside) / name).rename(made)
    return made
