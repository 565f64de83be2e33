"""Add the whole ledger up again. Exit code 0 when it is sound, 1 when anything is wrong."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from bff.commands.engine.progress_bar import Bar
from bff.commands.ledger import audit


class Command(BaseCommand):
    help = (
        "Check that every transaction sums to zero, every balance is what its entries say, and every hold has its "
        "withdrawal. Changes nothing. Example: manage.py audit_ledger --settings bff.commands.settings"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        bar = Bar("audit", audit.size())
        found = audit.findings(bar.advance)
        bar.close()
        for finding in found:
            self.stdout.write(f"{finding.check}: {finding.about}: {finding.detail}")
        if found:
            self.stderr.write(f"The books are not sound: {len(found)} findings.")
            sys.exit(1)
        self.stdout.write("The books are sound.")
