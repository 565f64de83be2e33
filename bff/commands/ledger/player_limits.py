"""Checks a command against the player's deposit limits and self-exclusion.

Public: `PERIODS`, `FOR_GOOD`, `excluded`, `check_excluded`, `check_deposit`, `effective_minor`.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db.models import Sum

from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRejected
from bff.commands.ledger.models import DepositLimit, Receipt
from bff.contracts import codes
from bff.contracts.command_names import DEPOSIT
from bff.contracts.money import minor_digits

PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
FOR_GOOD = datetime(9999, 12, 31, tzinfo=UTC)


def excluded(accounts: PlayerAccounts) -> bool:
    """Whether the player has shut themselves out at this moment."""
    until = accounts.player.excluded_until
    return until is not None and until > accounts.now


def check_excluded(accounts: PlayerAccounts) -> None:
    """Raises `CommandRejected` for a player who has shut themselves out."""
    if excluded(accounts):
        detail = "You are on a break, so nothing was taken. You can still withdraw your money."
        raise CommandRejected(403, codes.PLAYER_EXCLUDED, detail)


def check_deposit(accounts: PlayerAccounts, amount_minor: int) -> None:
    """Raises `CommandRejected` when this deposit would go over one of the player's limits; pending ones count."""
    for limit in DepositLimit.objects.filter(player=accounts.player):
        most = effective_minor(limit, accounts.now)
        if most is None:
            continue
        within = Receipt.objects.filter(
            player=accounts.player,
            command=DEPOSIT,
            state__in=("done", "pending"),
            at__gt=accounts.now - PERIODS[limit.period],
        )
        used = within.aggregate(total=Sum("amount_minor"))["total"] or 0
        if used + amount_minor > most:
            left = _written(max(0, most - used), accounts.player.currency)
            fields = {"amount_minor": f"Within your deposit limit for a {limit.period}, {left} is left."}
            detail = (
                f"This would go over the deposit limit that you have set for a {limit.period}. Nothing was charged."
            )
            raise CommandRejected(409, "deposit_limit_reached", detail, fields)


def effective_minor(limit: DepositLimit, now: datetime) -> int | None:
    """The limit that counts at this moment; None for none."""
    if limit.next_at is not None and limit.next_at <= now:
        return limit.next_minor
    return limit.amount_minor


def _written(amount_minor: int, currency: str) -> str:
    """`12.50 EUR`: the engine does not know the player's locale."""
    return f"{Decimal(amount_minor).scaleb(-minor_digits(currency))} {currency}"
