"""`fragment new NAME`.

Public: `main`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fragments.cli.scaffold.names import NameRefused, check_name, package_of
from fragments.cli.scaffold.write import (
    LANGUAGES,
    AlreadyThere,
    NoRepository,
    files_of,
    house_files,
    write,
    write_house,
)

DESCRIPTION = (
    "Write a fragment that works, with tests, its Dockerfile and a README, into a folder of its own. It shows the "
    "tables that are open at this moment, so that there is a feed to fail; make it yours from there. Nothing is "
    "overwritten."
)
EPILOG = """\
Exit code: 0, it is there; 2, nothing was written.

Examples:
  manage.py fragment new daily-quiz
  manage.py fragment new daily-quiz --language node --in ../teams
  manage.py fragment new daily-quiz --house
"""
NEXT = {
    "python": (
        "put the kit's wheel into {folder}/wheels, or have it in your package index",
        "uv sync",
        "uv run pytest",
    ),
    "node": ("npm install", "npm test"),
    "house": (
        'pyproject.toml: {name} = ["mullion[kit]"], beside its neighbours; uv lock && uv sync',
        "uv run ruff check --fix fragments/{package} tests/fragments/{package}",
        "uv run pytest -n 0 tests/fragments/{package}",
        "what else names each fragment stands in tests/README.md: A fragment on a new page",
    ),
}


def main(argv: Sequence[str]) -> int:
    """The command's exit code."""
    given = _parser().parse_args(argv)
    package = package_of(given.name)
    below, kind = Path(given.below), "house" if given.house else given.language
    folder = below / "fragments" / package if given.house else below / given.name
    try:
        check_name(given.name)
        files = house_files(given.name, below) if given.house else files_of(given.name, given.language)
        write_house(below, files) if given.house else write(folder, files)
    except (NameRefused, AlreadyThere, NoRepository) as refused:
        print(f"fragment new: {refused}", file=sys.stderr)
        return 2
    except OSError as error:
        # A disk that is full names no file.
        where = error.filename or folder
        print(f"fragment new: {where} can not be written: {error.strerror}. Nothing was left there.", file=sys.stderr)
        return 2
    language = "python, its tests among them" if given.house else given.language
    print(f"{folder} holds {given.name}: {len(files)} files in {language}. There, in this order:")
    print(*(f"  {line.format(folder=folder, name=given.name, package=package)}" for line in NEXT[kind]), sep="\n")
    print(f"Look at it in every state: fragment dev {folder}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fragment new",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", help="the fragment, everywhere: lower-case letters, digits and dashes")
    parser.add_argument(
        "--language", choices=LANGUAGES, default="python", help="python (with the kit) or node (a podlet)"
    )
    parser.add_argument(
        "--house",
        action="store_true",
        help="a fragment of this repository, in Python, beside its own: fragments/NAME, and tests/fragments/NAME",
    )
    parser.add_argument(
        "--in", dest="below", default=".", metavar="FOLDER", help="where its folder goes; here by default"
    )
    return parser
