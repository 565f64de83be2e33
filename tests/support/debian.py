"""Programs that tests need and Python's registry does not have: from the machine, else from Debian's packages.

Public: `NoProgram`, `find_program`, `install_package`.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

INSTALLED_S_MAX = 600


class NoProgram(RuntimeError):
    """The program is not here and can not be installed; the message says what to do."""


def find_program(name: str) -> str:
    """Where the program `name` is; installs the package of that name if it is missing and that is allowed."""
    found = _look(name)
    if found is None:
        install_package(name)
        found = _look(name)
    if found is None:
        raise NoProgram(f"These tests need {name} and find none. Install it (Debian: apt-get install {name}).")
    return found


def install_package(name: str) -> None:
    """Install this package, as root on Debian; elsewhere nothing happens. One process at a time: apt has one lock."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with (Path(tempfile.gettempdir()) / "mullion-tests-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", name]):
            subprocess.run(
                command,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=INSTALLED_S_MAX,
                check=False,
            )


def _look(name: str) -> str | None:
    # Debian keeps servers where only root's PATH leads.
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
