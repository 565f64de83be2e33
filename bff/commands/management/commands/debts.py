"""Lists players' debts for wins that were taken back after they were spent, and writes one off."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bff.commands.ledger.command_request import CommandRejected
from bff.commands.ledger.models import Account
from bff.commands.seamless import debts

SHOWN_MAX = 200


class Command(BaseCommand):
    help = (
        "List what players owe for wins that were taken back after they were spent, the largest first; with a player, "
        "write it off. Example: manage.py debts pl_amber --reference case-17 --settings bff.commands.settings"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("player", nargs="?", help="whose debt is written off, all of it")
        parser.add_argument("--reference", default="", help="why; each counts once a player")

    def handle(self, *args: Any, player: str | None, reference: str, **options: Any) -> None:
        owed = Account.objects.filter(kind="debt", balance_minor__lt=0).order_by("balance_minor", "pk")
        if player is None:
            for account in owed[:SHOWN_MAX]:
                self.stdout.write(f"{account.player_id}: {-(account.balance_minor or 0)} {account.currency}")
            self.stdout.write(f"{owed.count()} players owe something.")
            return
        if not 1 <= len(reference) <= 150:
            raise CommandError("Say why with --reference, in 1 to 150 characters. Nothing was changed.")
        debt = Account.objects.filter(kind="debt", player_id=player).first()
        if debt is None:
            raise CommandError(f"{player} owes nothing. Nothing was changed.")
        try:
            receipt = debts.write_off(player, debt.currency, reference, datetime.now(UTC))
        except CommandRejected as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(f"{player}: written off under {reference} ({receipt.receipt_id})")
