#!/usr/bin/env python
"""The one door. `up` starts everything and `drill` breaks it; all else is plain Django, `--settings` picks the house.

uv run manage.py up
uv run manage.py check --settings bff.queries.settings
"""

import os
import sys


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (an older Python gets this far, and deserves a sentence)
        sys.exit("Mullion needs Python 3.11 or later. uv brings one: pip install uv && uv run manage.py up")
    if sys.argv[1:2] == ["up"]:
        # Straight to the supervisor: it needs no settings, and must be able to say what is wrong with a house.
        sys.exit(_up(sys.argv[2:]))
    if sys.argv[1:2] == ["drill"]:
        # Beside the supervisor, for the same reason: it speaks to the fault proxy of a running copy and needs no house.
        sys.exit(_drill(sys.argv[2:]))
    if sys.argv[1:3] == ["fragment", "new"]:
        # It writes files, and needs nothing that runs.
        from fragments.cli.scaffold.cli import main as new

        sys.exit(new(sys.argv[3:]))
    if sys.argv[1:3] == ["fragment", "dev"]:
        from shell.operations.workbench.cli import main as dev

        sys.exit(dev(sys.argv[3:]))
    if sys.argv[1:3] == ["fragment", "check"]:
        # It needs no copy and no shell of anybody's, so it joins none.
        from shell.operations.fragment_check.cli import main as check

        _end_at_once(check(sys.argv[3:]))
    if sys.argv[1:2] in (["fragment"], ["page"]):
        from fragments.cli import pages, remote

        if remote.named_shell(sys.argv[2:], os.environ):
            sys.exit((remote if sys.argv[1] == "fragment" else pages).main(sys.argv[2:]))
        _join()
        _log_plainly()
        _end_at_once(_django())
    if sys.argv[1:2] == ["admin"]:
        _check_admin_words(sys.argv[2:])
        _join()
        _serve_admin()
    sys.exit(_django())


def _up(argv: list[str]) -> int:
    try:
        from shell.operations.up.cli import main as up
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] in {"bff", "fragments", "shell"}:
            raise
        sys.exit(f"Not installed: {error.name}. Run it by uv, which installs all: uv run manage.py up")
    return up(argv)


def _check_admin_words(argv: list[str]) -> None:
    """Answer `--help`, and end with a sentence for what the command does not take."""
    import argparse

    words = argparse.ArgumentParser(
        prog="manage.py admin",
        description="Serve the operators' admin beside the copy that runs here, on HOST and PORT (127.0.0.1, 8009).",
        epilog="PORT=8010 uv run manage.py admin --port-base 9700",
    )
    words.add_argument("--port-base", help="of the copy, where several run", metavar="PORT")
    words.parse_args(argv)


def _serve_admin() -> None:
    """The operators' admin beside the copy that runs here, in the place of this process."""
    values = {"HOST": "127.0.0.1", "PORT": "8009", **os.environ}
    print(f"Operators' admin: http://localhost:{values['PORT']}/ (sign in as staff: createsuperuser)", flush=True)
    command = [sys.executable, "-m", "bff.resilience.serving", "shell.operations.admin.asgi:application"]
    os.execve(sys.executable, command, values)  # noqa: S606 (this interpreter, with nobody's words)


def _drill(argv: list[str]) -> int:
    try:
        from tests.drills.cli import main as drill
    except ModuleNotFoundError as error:
        sys.exit(f"Drills need the whole repository and its development tools, and {error.name} is missing: uv sync")
    return drill(argv)


def _join() -> None:
    """Before any settings are read: which copy is meant decides what they are read from."""
    from shell.operations.up import cli, running

    try:
        os.environ.update(running.join(sys.argv[2:], os.environ, cli.data_root()))
    except running.NotJoined as refused:
        sys.exit(f"manage.py {sys.argv[1]}: {refused}")


def _log_plainly() -> None:
    """To stderr, and no more than what somebody at a terminal has to know."""
    import logging

    from bff.resilience import log

    log.configure(level=logging.WARNING)


def _django() -> int:
    """The command's exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shell.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
        sys.exit("Django is not installed here. uv installs all that is needed: pip install uv && uv run manage.py up")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"manage.py: {error}")
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            raise
        return end.code or 0
    return 0


def _end_at_once(code: int) -> None:
    """Without Python's own end: a thread of the HTTP client that still hands back a result would abort the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
