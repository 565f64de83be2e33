"""A new fragment's files, from the templates that lie beside this.

Public: `files_of`, `write`, `LANGUAGES`, `AlreadyThere`.
In a template `@NAME@`, `@PACKAGE@` and `@TITLE@` stand for the fragment; in its path `NAME` and `PACKAGE` do.
"""

from collections.abc import Mapping
from pathlib import Path

from fragments.cli.scaffold.names import package_of, title_of

TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".tmpl"
LANGUAGES = tuple(sorted(path.name for path in TEMPLATES.iterdir()))


class AlreadyThere(Exception):
    """Something stands where the fragment would; the sentence says where. Nothing was written."""


def files_of(name: str, language: str) -> dict[str, str]:
    """Path below the fragment's folder -> text."""
    words = {"NAME": name, "PACKAGE": package_of(name), "TITLE": title_of(name)}
    root, files = TEMPLATES / language, {}
    for path in sorted(root.rglob("*" + SUFFIX)):
        place = path.relative_to(root).as_posix().removesuffix(SUFFIX)
        for word in ("PACKAGE", "NAME"):
            place = place.replace(word, words["PACKAGE"] if place.endswith(".py") else words[word])
        files[place] = _filled(path.read_text("utf-8"), words)
    return files


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write `files` below `folder`, which must not be there or be empty; raises `AlreadyThere` or `OSError`."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()) or (folder.is_dir() and any(folder.iterdir())):
        raise AlreadyThere(f"{folder} is there already and nothing was written; choose another name, or another --in.")
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
