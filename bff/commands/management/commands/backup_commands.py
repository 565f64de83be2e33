"""Copy the command database to a file while commands go on."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bff.commands.engine.progress_bar import Bar
from bff.commands.ledger.backup import back_up


class Command(BaseCommand):
    help = (
        "Write the whole command database, as it is at one moment, to FILE. "
        "Example: manage.py backup_commands /backups/ledger.jsonl.gz --settings bff.commands.settings"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, help="where the copy goes; a file of that name is replaced when it is whole"
        )

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        bars: list[Bar] = []

        def on_total(total: int) -> Any:
            bars.append(Bar("backup", total))
            return bars[0].advance

        try:
            rows = back_up(file, on_total)
        except OSError as error:
            raise CommandError(f"The copy could not be written: {error}") from error
        bars[0].close()
        self.stdout.write(f"{rows} rows are in {file}.")
