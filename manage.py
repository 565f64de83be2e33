#!/usr/bin/env python
"""The one door. `up` starts everything; all else is plain Django, with `--settings` picking the house.

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
        from shell.operations.up.cli import main as up

        sys.exit(up(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shell.settings")
    try:
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
        sys.exit("Django is not installed here. uv installs all that is needed: pip install uv && uv run manage.py up")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
