"""Lists charges whose amount or currency differs from the request, and records the decision about one."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bff.commands.ledger.command_request import CommandRejected
from bff.commands.ledger.models import Charge
from bff.commands.payments import charges


class Command(BaseCommand):
    help = (
        "List the charges of another amount or currency than was asked for, or decide one, once it has been put right "
        "with the provider. Examples: manage.py charges · manage.py charges --approve rc_… · manage.py charges "
        "--decline rc_… --reason 'We have sent the payment back to your card.'"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        decision = parser.add_mutually_exclusive_group()
        decision.add_argument("--approve", metavar="RECEIPT", help="what was asked for has been charged: credit that")
        decision.add_argument("--decline", metavar="RECEIPT", help="the provider has given all of it back")
        parser.add_argument(
            "--reason",
            default="The payment could not be matched, so it was sent back to you.",
            help="the sentence that the player reads when it is declined",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        try:
            if options["approve"]:
                receipt = charges.decide(options["approve"], "approved", "", now)
                self.stdout.write(f"{receipt.receipt_id}: {receipt.amount_minor} credited to {receipt.player_id}")
            elif options["decline"]:
                receipt = charges.decide(options["decline"], "declined", options["reason"], now)
                self.stdout.write(f"{receipt.receipt_id}: declined")
            else:
                self._list()
        except CommandRejected as refused:
            raise CommandError(refused.detail) from refused

    def _list(self) -> None:
        differing = Charge.objects.select_related("receipt").filter(state="differs").order_by("sent_at")
        for each in differing:
            receipt = each.receipt
            requested = f"asked {receipt.amount_minor} {receipt.currency}, charged {each.charged} (minor units)"
            self.stdout.write(
                f"{each.pk}  {each.sent_at:%Y-%m-%d %H:%M}  {receipt.player_id}  {each.charge_id}  {requested}"
            )
        self.stdout.write(f"{len(differing)} to decide.")
