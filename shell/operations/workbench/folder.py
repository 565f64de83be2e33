"""A fragment's folder: what it is called, and how it is started.

Public: `FragmentFolder`, `FolderUnusable`, `read_folder`, `fragments_below`.
"""

import re
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_CALL = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
SERVING = ("-m", "bff.resilience.serving")


class FolderUnusable(Exception):
    """One sentence: what is missing or wrong in the folder, and what would do."""


@dataclass(frozen=True, slots=True)
class FragmentFolder:
    """`folder` is where `house.toml` lies, `root` where the process is started, `fixtures` where the views lie.

    `variables` are the names under which it learns the addresses of what it calls.
    """

    name: str
    folder: Path
    root: Path
    fixtures: Path
    command: tuple[str, ...]
    ready: str
    manifest: str
    trust: str
    variables: tuple[str, ...] = ()


def read_folder(given: Path) -> FragmentFolder:
    """What the folder of a team holds, `house.toml` in it or one folder below; raises `FolderUnusable`."""
    file = _house_file(given)
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FolderUnusable(f"{file} can not be read: {error}") from error
    name = _table(document.get("house")).get("name")
    processes = [_table(each) for each in document.get("process", []) if _table(each).get("publish")]
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(processes) != 1:
        raise FolderUnusable(f'{file} needs [house] with a name, and one [[process]] with publish = "/manifest.json".')
    process, folder = processes[0], file.parent.resolve()
    calls = [each for each in process.get("calls", []) if isinstance(each, str) and _CALL.fullmatch(each)]
    root, command = _command(file, folder, process)
    return FragmentFolder(
        name=name,
        folder=folder,
        root=root,
        fixtures=given.resolve() / "fixtures",
        command=command,
        ready=_path(file, process, "ready"),
        manifest=_path(file, process, "publish"),
        trust=process["trust"] if process.get("trust") == "first-party" else "sandboxed",
        variables=tuple(each if each.isupper() else each.upper().replace("-", "_") + "_URL" for each in calls),
    )


def fragments_below(root: Path) -> list[FragmentFolder]:
    """Each fragment in `root` or at most two folders below, by name; raises `FolderUnusable` where there is none."""
    files = [file for pattern in ("", "*/", "*/*/") for file in sorted(root.glob(f"{pattern}house.toml"))]
    found = {file: read_folder(_given(file)) for file in files if _is_fragment(file)}
    if not found:
        raise FolderUnusable("no fragment stands here: name the folder of one, or make one with `fragment new NAME`.")
    return sorted(found.values(), key=lambda folder: folder.name)


def _given(file: Path) -> Path:
    """The folder that a person would name: that of the repository, where the package in it has the `house.toml`."""
    package = file.parent
    outside = not (package / "fixtures").is_dir() and (package.resolve().parent / "fixtures").is_dir()
    return package.resolve().parent if outside else package


def _is_fragment(file: Path) -> bool:
    """Whether it publishes a manifest; one that can not be read is a fragment's whose mistake is to be said."""
    try:
        house = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return True
    processes = house.get("process")
    return isinstance(processes, list) and any("publish" in _table(each) for each in processes)


def _house_file(given: Path) -> Path:
    found = [path for path in (given / "house.toml", *sorted(given.glob("*/house.toml"))) if path.is_file()]
    if not found:
        raise FolderUnusable(f"{given} holds no fragment: there is no house.toml in it; `fragment new NAME` makes one.")
    return found[0]


def _command(file: Path, folder: Path, process: dict[str, Any]) -> tuple[Path, tuple[str, ...]]:
    """(where it is started, the command)."""
    asgi, command = process.get("asgi"), process.get("command")
    if isinstance(asgi, str):
        module = Path(*asgi.partition(":")[0].split(".")).with_suffix(".py")
        root = next((each for each in (folder, *folder.parents) if (each / module).is_file()), None)
        if root is None:
            raise FolderUnusable(f"{file}: asgi = {asgi!r} names a module that is not there.")
        own = root / ".venv" / "bin" / "python"
        return root, (str(own) if own.is_file() else sys.executable, *SERVING, asgi)
    if isinstance(command, list) and command and all(isinstance(each, str) for each in command):
        program = shutil.which(command[0])
        if program is None:
            raise FolderUnusable(f"{file}: {command[0]} is not installed here, so the fragment can not be started.")
        return folder, (program, *command[1:])
    raise FolderUnusable(f'{file}: [[process]] needs asgi = "module:application", or command = ["node", "server.mjs"].')


def _path(file: Path, process: dict[str, Any], key: str) -> str:
    value = process.get(key)
    if not isinstance(value, str) or not value.startswith("/"):
        raise FolderUnusable(f"{file}: [[process]] {key} has to be a path, such as /manifest.json.")
    return value


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
