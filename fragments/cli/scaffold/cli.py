"""`fragment new NAME`.

Public: `main`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fragments.cli.scaffold.names import NameRefused, check_name
from fragments.cli.scaffold.write import LANGUAGES, AlreadyThere, files_of, write

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
"""
NEXT = {
    "python": (
        "put the kit's wheel into {folder}/wheels, or have it in your package index",
        "uv sync",
        "uv run pytest",
    ),
    "node": ("npm install", "npm test"),
}


def main(argv: Sequence[str]) -> int:
    """The command's exit code."""
    given = _parser().parse_args(argv)
    folder = Path(given.below) / given.name
    try:
        check_name(given.name)
        files = files_of(given.name, given.language)
        write(folder, files)
    except (NameRefused, AlreadyThere) as refused:
        print(f"fragment new: {refused}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"fragment new: {error.filename} can not be written: {error.strerror}.", file=sys.stderr)
        return 2
    print(f"{folder} holds {given.name}: {len(files)} files in {given.language}. There, in this order:")
    print(*(f"  {line.format(folder=folder)}" for line in NEXT[given.language]), sep="\n")
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
        "--in", dest="below", default=".", metavar="FOLDER", help="where its folder goes; here by default"
    )
    return parser
