"""Three players with money to look at. Safe to run again: an opening balance is given once."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRequest
from bff.contracts.command_names import OPENING

PLAYERS = {"pl_amber": ("EUR", 12500), "pl_birch": ("GBP", 4000), "pl_cedar": ("JPY", 15000)}


class _Opening(msgspec.Struct, frozen=True):
    amount_minor: int


class Command(BaseCommand):
    help = "Give the three demo players their opening balances, once. Example: manage.py seed_demo"

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("Demo balances are money that nobody paid in; they are given only with DEBUG=1.")
        for player_id, (currency, amount_minor) in PLAYERS.items():
            opened = open_balance(player_id, currency, amount_minor)
            self.stdout.write(f"{player_id}: {'opening balance given' if opened else 'already there'}")


@transaction.atomic
def open_balance(player_id: str, currency: str, amount_minor: int) -> bool:
    """Give the opening balance (minor units); False when the player has had it."""
    accounts = PlayerAccounts.open(player_id, currency, datetime.now(UTC))
    request = CommandRequest.of(player_id, currency, OPENING, "opening", _Opening(amount_minor))
    if receipts.find_existing(request, accounts) is not None:
        return False
    receipt = receipts.write(accounts, request, kind="opening", state="done", amount_minor=amount_minor)
    accounts.post("opening", receipt, {"real": amount_minor}, "opening")
    outbox.append(accounts, "AccountOpened", [receipt])
    return True
