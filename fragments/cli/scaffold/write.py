"""A new fragment's files, from the templates that lie beside this.

Public: `files_of`, `house_files`, `free_port`, `write`, `write_house`, `LANGUAGES`, `AlreadyThere`, `NoRepository`.
In a template `@NAME@`, `@PACKAGE@`, `@MODULE@` and `@TITLE@` stand for the fragment, `@PORT@` for its port in a
house of ours; in its path `NAME` and `PACKAGE` do.
"""

import shutil
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from fragments.cli.scaffold.names import package_of, title_of

TEMPLATES = Path(__file__).parent / "templates"
# What a fragment of this repository has in place of what one of a repository of its own has.
HOUSE = Path(__file__).parent / "house"
PORT = 25
SUFFIX = ".tmpl"
LANGUAGES = tuple(sorted(path.name for path in TEMPLATES.iterdir()))


class AlreadyThere(Exception):
    """Something stands where the fragment would; the sentence says where. Nothing was written."""


class NoRepository(Exception):
    """A folder that is not the root of this repository, where `--house` belongs; the sentence says what to do."""


def files_of(name: str, language: str) -> dict[str, str]:
    """Path below the fragment's folder -> text."""
    return _files(TEMPLATES / language, _words(name, package_of(name), PORT))


def house_files(name: str, repository: Path) -> dict[str, str]:
    """Path below `repository` -> text: a fragment beside its own, in Python, and its tests beside theirs.

    Raises `NoRepository`.
    """
    if not (repository / "fragments" / "kit").is_dir():
        raise NoRepository(f"{repository} is not the root of this repository: call it there, or name it with --in.")
    package = package_of(name)
    words = _words(name, f"fragments.{package}", free_port(repository))
    moves = {f"{package}/": f"fragments/{package}/", "fixtures/": f"fragments/{package}/fixtures/"}
    files = {
        place.replace(below, there, 1): text
        for place, text in _files(TEMPLATES / "python", words).items()
        for below, there in moves.items()
        if place.startswith(below)
    }
    return files | _files(HOUSE, words)


def free_port(repository: Path) -> int:
    """The first that no fragment of `repository` has in its `house.toml`."""
    houses = [tomllib.loads(path.read_text("utf-8")) for path in repository.glob("fragments/*/house.toml")]
    taken = {process.get("port") for house in houses for process in house.get("process", [])}
    return next(port for port in range(20, 1000) if port not in taken)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write `files` below `folder`, which must not be there or be empty; raises `AlreadyThere` or `OSError`."""
    _check_free(folder)
    _write({folder: files})


def write_house(repository: Path, files: Mapping[str, str]) -> None:
    """Write `files` below `repository`, where no folder of theirs may be; raises `AlreadyThere` or `OSError`."""
    folders: dict[Path, dict[str, str]] = {}
    for place, text in files.items():
        parts = 3 if place.startswith("tests/") else 2
        top, rest = place.split("/")[:parts], place.split("/")[parts:]
        folders.setdefault(repository.joinpath(*top), {})["/".join(rest)] = text
    for folder in folders:
        _check_free(folder)
    _write(folders)


def _check_free(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()) or (folder.is_dir() and any(folder.iterdir())):
        raise AlreadyThere(f"{folder} is there already and nothing was written; choose another name, or another --in.")


def _write(folders: Mapping[Path, Mapping[str, str]]) -> None:
    """All of it or nothing: each folder is written beside its place, and moved there once all of them are whole."""
    with ExitStack() as undo, ExitStack() as staging:
        staged: dict[Path, Path] = {}
        for folder, files in folders.items():
            for parent in reversed([each for each in folder.parents if not each.exists()]):
                parent.mkdir()
                undo.callback(_remove_empty, parent)
            beside = Path(staging.enter_context(TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-")))
            staged[folder] = beside / folder.name
            _write_files(staged[folder], files)
        for folder, whole in staged.items():
            _move(whole, folder, undo)
        undo.pop_all()


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # somebody else has put something there meanwhile
        folder.rmdir()


def _write_files(folder: Path, files: Mapping[str, str]) -> None:
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _move(whole: Path, folder: Path, undo: ExitStack) -> None:
    """An empty folder is filled and not replaced, as a terminal may be open in it."""
    if not folder.exists():
        whole.rename(folder)
        undo.callback(shutil.rmtree, folder)
        return
    for each in sorted(whole.iterdir()):
        moved = each.rename(folder / each.name)
        undo.callback(shutil.rmtree if moved.is_dir() else Path.unlink, moved)


def _words(name: str, module: str, port: int) -> dict[str, str]:
    package, title = package_of(name), title_of(name)
    return {"NAME": name, "PACKAGE": package, "MODULE": module, "TITLE": title, "PORT": str(port)}


def _files(root: Path, words: Mapping[str, str]) -> dict[str, str]:
    files = {}
    for path in sorted(root.rglob("*" + SUFFIX)):
        place = path.relative_to(root).as_posix().removesuffix(SUFFIX)
        for word in ("PACKAGE", "NAME"):
            place = place.replace(word, words["PACKAGE"] if place.endswith(".py") else words[word])
        files[place] = _filled(path.read_text("utf-8"), words)
    return files


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
