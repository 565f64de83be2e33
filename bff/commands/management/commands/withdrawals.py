"""Lists the withdrawals that are held, and pays or releases one."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bff.commands.handlers import withdraw
from bff.commands.ledger.command_request import CommandRejected
from bff.commands.ledger.models import Withdrawal


class Command(BaseCommand):
    help = (
        "List the withdrawals that are held, or decide one. Examples: manage.py withdrawals · "
        "manage.py withdrawals --pay rc_… · manage.py withdrawals --release rc_… --reason 'Your bank sent it back.'"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        decision = parser.add_mutually_exclusive_group()
        decision.add_argument("--pay", metavar="RECEIPT", help="the money has been sent")
        decision.add_argument("--release", metavar="RECEIPT", help="give the money back to the player's balance")
        parser.add_argument(
            "--reason",
            default="We could not pay this out, so it is back in your balance.",
            help="the sentence that the player reads",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["pay"]:
                receipt = withdraw.pay(options["pay"], datetime.now(UTC))
                self.stdout.write(f"{receipt.receipt_id}: paid")
            elif options["release"]:
                receipt = withdraw.release(options["release"], options["reason"], datetime.now(UTC))
                self.stdout.write(f"{receipt.receipt_id}: back in the balance of {receipt.player_id}")
            else:
                self._list()
        except CommandRejected as refused:
            raise CommandError(refused.detail) from refused

    def _list(self) -> None:
        held = Withdrawal.objects.select_related("receipt").filter(state="held").order_by("receipt__at")
        for each in held:
            receipt = each.receipt
            amount = f"{-receipt.amount_minor} {receipt.currency} (minor units)"
            self.stdout.write(f"{receipt.receipt_id}  {receipt.at:%Y-%m-%d %H:%M}  {receipt.player_id}  {amount}")
        self.stdout.write(f"{len(held)} held.")
