"""Which copies of Mullion run on this machine, and how a command joins one from another terminal.

Public: `join`, `note`, `running`, `NotJoined`.
"""

import argparse
import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from shell.operations.up.data import LOCK
from shell.operations.up.house import embedded_valkey
from shell.operations.up.options import PORT_BASE, port_base

SERVICES = "services.json"
# Services that a copy may use in place of the embedded ones; a command has to reach the same ones.
GIVEN = ("REDIS_URL", "DATABASE_URL", "SHELL_DATABASE_URL", "PUBLIC_URL")
# If one of these is set, the command works on the shell that the environment names.
NAMED = ("MULLION_DATA", "SHELL_DATABASE_URL", "SHELL_SECRET_KEY")


class NotJoined(Exception):
    """The message says which copies there are and what to do."""


def note(data: Path, environ: Mapping[str, str]) -> None:
    """Write down which services the copy on `data` was given, for its owner alone: addresses may hold passwords."""
    text = json.dumps({name: environ[name] for name in GIVEN if environ.get(name)})
    with open(os.open(data / SERVICES, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def running(root: Path) -> list[int]:
    """Port bases of the copies that run now, by the lock that each holds on its data folder below `root`."""
    folders = [path for path in root.glob("*") if path.name.isascii() and path.name.isdecimal()]
    return sorted(int(folder.name) for folder in folders if _locked(folder / LOCK))


def join(argv: Sequence[str], environ: Mapping[str, str], root: Path) -> dict[str, str]:
    """The variables with which a command works on the copy that `argv` (`--port-base`) or `environ` means, or on the
    one that runs; raises `NotJoined`. Nothing, where the environment names a shell of its own."""
    base = _port_base_of(argv)
    if base is None:
        if {"-h", "--help"} & set(argv):
            return {} if environ.get("SHELL_SECRET_KEY") else {"DEBUG": "1"}  # so there is no data to open
        if any(environ.get(name) for name in NAMED):
            return {}
        base = _meant_copy(running(root), environ, root)
    if base is None:
        return {}
    data = root / str(base)
    if not data.is_dir():
        there = ", ".join(str(found) for found in running(root)) or "none"
        raise NotJoined(f"Mullion never ran on port base {base}: there is no {data}. Running now: {there}.")
    # The copy's public address, and the Redis over which its shells learn of changes, with the defaults of `up`.
    own = {"PUBLIC_URL": f"http://localhost:{base}", "REDIS_URL": embedded_valkey(base)}
    return {"DEBUG": "1", "MULLION_DATA": str(data.absolute()), **own, **_services(data)}


def _port_base_of(argv: Sequence[str]) -> int | None:
    parser = argparse.ArgumentParser(prog="manage.py fragment", add_help=False, allow_abbrev=False)
    parser.add_argument("--port-base", type=port_base)
    found: int | None = parser.parse_known_args(argv)[0].port_base
    return found


def _meant_copy(bases: list[int], environ: Mapping[str, str], root: Path) -> int | None:
    if len(bases) == 1:
        return bases[0]
    if bases:
        raise NotJoined(f"Several copies run: {', '.join(map(str, bases))}. Say which: --port-base {bases[0]}")
    if environ.get("DEBUG") == "1":
        return None  # the data of port base 8000, as every command without a running copy has it
    raise NotJoined(
        f"No Mullion runs here (none below {root}), and the environment names no shell. Start one with manage.py up, "
        f"name one that ran with --port-base {PORT_BASE}, or set SHELL_SECRET_KEY and SHELL_DATABASE_URL for another."
    )


def _locked(lock: Path) -> bool:
    try:
        with lock.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _services(data: Path) -> dict[str, str]:
    try:
        found = json.loads((data / SERVICES).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: value for name, value in found.items() if name in GIVEN and isinstance(value, str)}
