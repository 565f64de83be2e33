"""`manage.py fragment check URL`.

Public: `main`.
"""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shell.composition.page import PageTable

EPILOG = """\
Exit code: 0, it can be published; 1, something has to be mended; 2, it could not be looked at.

Examples:
  manage.py fragment check http://127.0.0.1:8050/manifest.json
  manage.py fragment check http://127.0.0.1:8050/manifest.json --slot /results --pictures pictures
  manage.py fragment check https://poll.example/manifest.json --json > check.json
"""
DESCRIPTION = (
    "Look at a fragment as pages would: what publishing would refuse, what a page shows of each slot and what it takes "
    "out, and what it shows while the fragment is slow, cut off, too large, broken or gone. It speaks to the fragment "
    "over HTTP and to nothing else: no shell, database, Redis or key is needed. Nobody is signed in."
)


def main(argv: Sequence[str]) -> int:
    """The command's exit code."""
    given = _parser().parse_args(argv)
    _set_up()
    from shell.composition.release import Trust
    from shell.operations.fragment_check.browser_findings import look
    from shell.operations.fragment_check.check import CheckRequest, check
    from shell.operations.fragment_check.output import as_json, for_people

    try:
        folder, pages = _folder(given.pictures), _pages()
    except _Unusable as error:
        print(f"fragment check: {error}", file=sys.stderr)
        return 2
    report = asyncio.run(check(CheckRequest(given.url, Trust(given.trust), given.slot, pages)))
    if given.browser:
        look(report, folder)
    print(as_json(report) if given.json else "\n".join(for_people(report)))
    return report.exit_code(strict=given.strict)


class _Unusable(Exception):
    """An argument can not be used; the message says which, and why."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage.py fragment check",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("url", metavar="URL", help="where manifest.json is served")
    parser.add_argument(
        "--slot",
        action="append",
        default=[],
        metavar="PATH",
        help="a pathname that a slot asks for; may be given again. Without it those of the pages table, or the content",
    )
    parser.add_argument(
        "--trust",
        choices=["sandboxed", "first-party"],
        default="sandboxed",
        help="as operators trust it; a new name is sandboxed, and so is this without the option",
    )
    parser.add_argument(
        "--pictures", metavar="FOLDER", help="of each slot at 1280 and 390 px, with and without JavaScript, as PNG"
    )
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="without pictures and accessibility, and sooner"
    )
    parser.add_argument("--strict", action="store_true", help="warnings have to be mended, too")
    parser.add_argument("--json", action="store_true", help="all of it, for a program")
    return parser


def _set_up() -> None:
    """The shell's own settings as a local run has them, with nothing that would have to be there."""
    os.environ["DEBUG"] = "1"
    os.environ["DJANGO_SETTINGS_MODULE"] = "shell.settings"
    os.environ["SHELL_DATABASE_URL"] = "sqlite://:memory:"
    import django

    from bff.resilience import log

    # The report has what the log would say of a slot.
    log.configure(level=logging.CRITICAL)
    django.setup()


def _folder(named: str | None) -> Path | None:
    if named is None:
        return None
    folder = Path(named)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _Unusable(f"no pictures can be put into {folder}: {error.strerror}") from error
    return folder


def _pages() -> "PageTable":
    from django.conf import settings

    from shell.composition.page import PagesBroken
    from shell.pages.table import read_pages

    try:
        return read_pages(settings.PAGES)
    except PagesBroken as error:
        raise _Unusable(str(error)) from error
