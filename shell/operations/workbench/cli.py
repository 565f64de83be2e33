"""`manage.py fragment dev FOLDER…`.

Public: `main`.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shell.operations.up.preflight import PreflightFailed, port_taken
from shell.operations.workbench.folder import FolderUnusable, FragmentFolder, fragments_below, read_folder

if TYPE_CHECKING:
    from shell.operations.workbench.application import Workbench

HOST, PORT = "127.0.0.1", 8060
PORT_MAX = 65_535
DESCRIPTION = (
    "Run a fragment inside a shell made of fixtures, and look at it in every state: fresh, degraded, its feed down, "
    "its BFF slow, names far too long, gone, from right to left, at 390 px, without JavaScript. It starts again as its "
    "files change. What its BFF says stands in its folder, fixtures/views/….json. /gallery/ shows all of it at once. "
    "No house of Mullion, database or Redis is needed; it answers this machine alone."
)
EPILOG = """\
Examples:
  manage.py fragment dev
  manage.py fragment dev daily-quiz
  manage.py fragment dev fragments/wallet fragments/promotions --port 8061
"""


def main(argv: Sequence[str]) -> int:
    """The command's exit code; it ends with Ctrl-C."""
    given = _parser().parse_args(argv)
    try:
        folders = [read_folder(Path(each)) for each in given.folders] or fragments_below(Path())
    except FolderUnusable as error:
        print(f"fragment dev: {error}", file=sys.stderr)
        return 2
    if len({folder.name for folder in folders}) < len(folders):
        print("fragment dev: two of these have the same name, so their addresses would be the same.", file=sys.stderr)
        return 2
    if problem := _port_problem(given.port):
        print(f"fragment dev: {problem}", file=sys.stderr)
        return 2
    _set_up()
    from bff.resilience.serving import config, serve

    os.environ.update({"HOST": HOST, "PORT": str(given.port)})
    print(f"http://{HOST}:{given.port}/          one state at a time\nhttp://{HOST}:{given.port}/gallery/  all at once")
    # Uvloop starts no process in a group of its own.
    serve(config(_application(folders, given.slot, given.port), lifespan="on", loop="asyncio"))
    return 0


def _port_problem(port: int) -> str:
    """Why nothing can be shown there, empty where it can."""
    try:
        return f"port {port} is taken by another program; name another with --port." if port_taken(port) else ""
    except PreflightFailed as refused:
        return str(refused)


def _port(text: str) -> int:
    """For argparse."""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to {PORT_MAX}")
    return int(text)


def _application(folders: Sequence[FragmentFolder], pathnames: Sequence[str], port: int) -> "Workbench":
    from django.conf import settings

    from shell.composition.compiler import layout_of
    from shell.operations.up.orphan_guard import OrphanGuard
    from shell.operations.workbench.application import Workbench
    from shell.operations.workbench.bench import Bench, BenchKeys
    from shell.operations.workbench.bench_slot import bench_slots
    from shell.pages.table import read_pages

    pages, keys, orphan_guard = read_pages(settings.PAGES), BenchKeys.make(time.time()), OrphanGuard()
    url = f"http://{HOST}:{port}"
    benches = [
        Bench(folder, bench_slots(folder.name, pages, pathnames, layout_of), keys, url, orphan_guard)
        for folder in folders
    ]
    return Workbench(benches, say=_print_line)


def _print_line(line: str) -> None:
    print(line, flush=True)


def _set_up() -> None:
    """The shell's own settings as a local run has them, with nothing that would have to be there."""
    os.environ["DEBUG"] = "1"
    os.environ["DJANGO_SETTINGS_MODULE"] = "shell.settings"
    os.environ["SHELL_DATABASE_URL"] = "sqlite://:memory:"
    import django

    from bff.resilience import log

    log.configure(level=logging.CRITICAL)
    django.setup()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fragment dev",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "folders",
        nargs="*",
        metavar="FOLDER",
        help="of a fragment: house.toml in it or one below. Without any: each fragment that stands here",
    )
    parser.add_argument(
        "--slot",
        action="append",
        default=[],
        metavar="PATH",
        help="a pathname that a slot asks for; may be given again. Without it those of the pages table, or the content",
    )
    parser.add_argument("--port", type=_port, default=PORT, help=f"where it answers, {PORT} by default")
    return parser
