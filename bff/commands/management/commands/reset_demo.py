"""The demo players as they were at first, for runs that repeat: balances, limits, breaks, favourites. No entry goes."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from bff.commands.engine.identifiers import fresh_id
from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRequest
from bff.commands.ledger.models import DepositLimit, PlayerGame
from bff.commands.management.commands.seed_demo import PLAYERS
from bff.contracts.command_names import OPENING


class _Opening(msgspec.Struct, frozen=True):
    amount_minor: int


class Command(BaseCommand):
    help = (
        "Give the demo players their opening balance again, and take back limits, exclusions and favourites of theirs. "
        "A balance changes by an entry of its own. Example: manage.py reset_demo --settings bff.commands.settings"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("Players' limits and exclusions stand; demo players are reset only with DEBUG=1.")
        for player_id, (currency, amount_minor) in PLAYERS.items():
            changed = reset(player_id, currency, amount_minor)
            self.stdout.write(f"{player_id}: {'as at first' if changed else 'was as at first'}")


@transaction.atomic
def reset(player_id: str, currency: str, amount_minor: int) -> bool:
    """Real money as at first (minor units), no limit, exclusion or favourite; False where nothing had changed."""
    accounts = PlayerAccounts.open(player_id, currency, datetime.now(UTC))
    limits, _ = DepositLimit.objects.filter(player=accounts.player).delete()
    games, _ = PlayerGame.objects.filter(player=accounts.player).delete()
    was_excluded = accounts.player.excluded_until is not None
    difference = amount_minor - accounts.balance("real")
    if not (limits or games or was_excluded or difference):
        return False
    accounts.player.excluded_until = None
    accounts.player.save(update_fields=["excluded_until"])
    request = CommandRequest.of(player_id, currency, OPENING, fresh_id("reset"), _Opening(amount_minor))
    receipt = receipts.write(accounts, request, kind="opening", state="done", amount_minor=difference)
    if difference:
        accounts.post("opening", receipt, {"real": difference}, "opening")
    outbox.append(accounts, "AccountOpened", [receipt], limits_changed=True, games_changed=True)
    return True
