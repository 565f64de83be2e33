"""`up` among Django's commands, for `manage.py help`; `manage.py` itself goes straight to the supervisor."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from shell.operations.up.cli import main
from shell.operations.up.options import DESCRIPTION, add_arguments


class Command(BaseCommand):
    help = DESCRIPTION
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def run_from_argv(self, argv: list[str]) -> None:
        sys.exit(main(argv[2:]))

    def handle(self, *args: Any, **options: Any) -> None:
        """Programs start it as a process: it owns signals and its exit code."""
        sys.exit(main(sys.argv[2:]))
