"""Give a player a bonus by hand, once by its reference."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from bff.commands.bonuses import grants
from bff.commands.ledger import outbox, player_limits, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.currencies import check_amount
from bff.commands.ledger.models import Player
from bff.contracts.command_names import GRANT_BONUS

REFERENCE_LENGTH_MAX = 92  # with what stands before it, as long as the name of a promotion may be
WAGERING_MAX = 1000


class _GrantBonus(msgspec.Struct, frozen=True):
    amount_minor: int
    wagering: int


class Command(BaseCommand):
    help = (
        "Credit a bonus. The same reference again gives nothing more. "
        "Example: manage.py grant_bonus pl_amber 500 --reference goodwill-17 --settings bff.commands.settings"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("player", help="the player's id; they must have an account")
        parser.add_argument("amount_minor", type=int, help="minor units of the account's currency")
        parser.add_argument("--reference", required=True, help="what the bonus is for; each counts once a player")
        parser.add_argument(
            "--wagering",
            type=int,
            default=1,
            help="how many times it is staked before it can be withdrawn; 0 makes it real money at once (default: 1)",
        )

    def handle(self, *args: Any, player: str, amount_minor: int, reference: str, wagering: int, **options: Any) -> None:
        try:
            given = grant(player, amount_minor, reference, datetime.now(UTC), times=wagering)
        except CommandRejected as refused:
            raise CommandError(" ".join([refused.detail, *refused.fields.values()])) from refused
        self.stdout.write(
            f"{player}: {'bonus given' if given else 'given before under this reference, nothing changed'}"
        )


@transaction.atomic
def grant(player_id: str, amount_minor: int, reference: str, now: datetime, *, times: int = 1) -> bool:
    """Credit `amount_minor` as bonus; False when this reference was used before. Raises `CommandRejected`."""
    currency = Player.objects.filter(pk=player_id).values_list("currency", flat=True).first()
    if currency is None:
        raise CommandRejected(404, "player_unknown", f"There is no player {player_id}.")
    check_amount(amount_minor, currency)
    _check_terms(reference, times)
    accounts = PlayerAccounts.open(player_id, currency, now)
    request = CommandRequest.of(
        player_id, currency, GRANT_BONUS, f"grant:{reference}", _GrantBonus(amount_minor, times)
    )
    if receipts.find_existing(request, accounts) is not None:
        return False
    player_limits.check_excluded(accounts)
    receipt = receipts.write(accounts, request, kind="bonus", state="done", amount_minor=amount_minor)
    # A gift by hand has no end and no largest bet.
    terms = grants.Terms(f"by-hand:{reference}", 1, "A bonus from us", times, 0, {}, player_limits.FOR_GOOD)
    grants.give(accounts, receipt, terms)
    outbox.append(accounts, "BonusGranted", [receipt], claims_changed=True)
    return True


def _check_terms(reference: str, times: int) -> None:
    if not 1 <= len(reference) <= REFERENCE_LENGTH_MAX:
        raise CommandRejected(422, "reference_out_of_range", f"A reference has 1 to {REFERENCE_LENGTH_MAX} characters.")
    if not 0 <= times <= WAGERING_MAX:
        raise CommandRejected(422, "wagering_out_of_range", f"A bonus is staked 0 to {WAGERING_MAX} times.")
