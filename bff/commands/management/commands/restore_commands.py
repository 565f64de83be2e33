"""Fill an empty command database from a copy, and check the books."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bff.commands.engine.progress_bar import Bar
from bff.commands.ledger.backup import BackupUnusable, restore


class Command(BaseCommand):
    help = (
        "Restore FILE into an empty, migrated command database, audit it, and restate every player to the read side. "
        "Example: manage.py restore_commands /backups/ledger.jsonl.gz --settings bff.commands.settings"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a copy made by backup_commands")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        bars: list[Bar] = []

        def on_total(total: int) -> Any:
            bars.append(Bar("restore", total))
            return bars[0].advance

        try:
            rows = restore(file, on_total)
        except BackupUnusable as refused:
            raise CommandError(str(refused)) from refused
        bars[0].close()
        self.stdout.write(f"{rows} rows restored.")
        call_command("audit_ledger")
