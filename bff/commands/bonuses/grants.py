"""A bonus that was given to a player, on the terms of its offer.

Public: `Terms`, `give`, `running`.
"""

from dataclasses import dataclass
from datetime import datetime

from bff.commands.engine import statements
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import Grant, Receipt


@dataclass(frozen=True, slots=True)
class Terms:
    """An offer's terms at the time of its claim. `wagering` is how many times the amount has to be staked; amounts in
    minor units.
    """

    promotion_id: str
    number: int
    title: str
    wagering: int
    stake_max_minor: int
    contribution: dict[str, int]
    ends_at: datetime


def give(accounts: PlayerAccounts, receipt: Receipt, terms: Terms) -> None:
    """Give the receipt's amount on these terms; without a wagering requirement it is real money at once."""
    free = terms.wagering == 0
    if not running(accounts) and (nobodys := accounts.balance("bonus")):
        # Money of a bonus that is over must not become part of this one.
        accounts.post("bonus-end", receipt, {"bonus": -nobodys}, "promotions")
    Grant.objects.create(
        player=accounts.player,
        promotion_id=terms.promotion_id,
        number=terms.number,
        receipt=receipt,
        amount_minor=receipt.amount_minor,
        wagering_minor=receipt.amount_minor * terms.wagering,
        ends_at=terms.ends_at,
        title=terms.title,
        state="done" if free else "running",
        stake_max_minor=terms.stake_max_minor,
        contribution=terms.contribution,
        decided_at=accounts.now if free else None,
    )
    accounts.post("bonus", receipt, {"real" if free else "bonus": receipt.amount_minor}, "promotions")


def running(accounts: PlayerAccounts) -> list[Grant]:
    """The player's bonuses that are neither done nor ended, in the order of their claims."""
    return sorted(
        statements.find(Grant, player_id=accounts.player.player_id, state="running"), key=lambda each: each.pk
    )
