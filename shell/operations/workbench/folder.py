"""A fragment's folder: what it is called, and how it is started.

Public: `FragmentFolder`, `FolderUnusable`, `read_folder`, `fragments_below`.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bff.contracts.paths import READY_PATH
from shell.operations.up import house
from shell.operations.up.house import HouseBroken, decode

REPOSITORY = Path(__file__).resolve().parents[3]
SERVING = ("-m", "bff.resilience.serving")


class FolderUnusable(Exception):
    """One sentence: what is missing or wrong in the folder, and what would do."""


class _Head(msgspec.Struct, frozen=True):
    name: house.Name


class _Process(msgspec.Struct, frozen=True):
    """What the bench needs of a process. `command` starts one that is not written in Python."""

    asgi: house.Application = ""
    command: tuple[str, ...] = ()
    ready: house.Path = ""
    publish: house.Path = ""
    trust: house.Trust = "sandboxed"
    calls: tuple[house.Call, ...] = ()


class _HouseFile(msgspec.Struct, frozen=True):
    """What the bench reads of a `house.toml`. Other fields may be in it or not: they are for whoever deploys it."""

    house: _Head
    process: tuple[_Process, ...] = ()


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
    document = _read(file)
    published = [process for process in document.process if process.publish]
    if len(published) != 1:
        raise FolderUnusable(
            f'{file}: process: exactly one [[process]] has publish = "/manifest.json"; here {len(published)} do.'
        )
    process, folder = published[0], file.parent.resolve()
    if not process.ready:
        raise FolderUnusable(f"{file}: process.ready: is missing; wanted: a path, such as {READY_PATH}.")
    root, command = _command(file, folder, process)
    return FragmentFolder(
        name=document.house.name,
        folder=folder,
        root=root,
        fixtures=given.resolve() / "fixtures",
        command=command,
        ready=process.ready,
        manifest=process.publish,
        trust=process.trust,
        variables=tuple(each if each.isupper() else each.upper().replace("-", "_") + "_URL" for each in process.calls),
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
    """Whether it publishes a manifest. One that can not be read counts, so that its team learns why."""
    try:
        return any(process.publish for process in _read(file).process)
    except FolderUnusable:
        return True


def _read(file: Path) -> _HouseFile:
    """The fields of `file` that the bench needs; raises `FolderUnusable`, which names the field that is wrong."""
    try:
        return decode(file.read_text("utf-8"), str(file), _HouseFile)
    except HouseBroken as error:
        raise FolderUnusable(f"{error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise FolderUnusable(f"{file} can not be read: {error}") from error


def _house_file(given: Path) -> Path:
    found = [path for path in (given / "house.toml", *sorted(given.glob("*/house.toml"))) if path.is_file()]
    if not found:
        raise FolderUnusable(f"{given} holds no fragment: there is no house.toml in it; `fragment new NAME` makes one.")
    return found[0]


def _command(file: Path, folder: Path, process: _Process) -> tuple[Path, tuple[str, ...]]:
    """(where it is started, the command)."""
    if process.asgi:
        module = Path(*process.asgi.partition(":")[0].split(".")).with_suffix(".py")
        root = next((each for each in (folder, *folder.parents) if (each / module).is_file()), None)
        if root is None:
            raise FolderUnusable(f"{file}: process.asgi: {process.asgi!r} names a module that is not there.")
        own = root / ".venv" / "bin" / "python"
        return root, (str(own) if own.is_file() else sys.executable, *SERVING, process.asgi)
    if not process.command:
        raise FolderUnusable(
            f'{file}: process: needs asgi = "module:application", or command = ["node", "server.mjs"].'
        )
    program = shutil.which(process.command[0])
    if program is None:
        raise FolderUnusable(
            f"{file}: process.command: {process.command[0]} is not installed here, so the fragment can not be started."
        )
    return folder, (program, *process.command[1:])
