"""A player's debt: the part of a win that was already spent when its provider rolled the win back.

Public: `split_debit`, `split_credit`, `write_off`.

A rollback is always taken, or its provider would send it for ever and its books and these would differ for good. What
the player's accounts do not hold of it stands in the account `debt`, below zero, so that no balance ever is; whatever
games bring back later goes there first. Money that a player pays in is never kept for it. See
`decisions/0011-a-spent-win-that-is-taken-back-is-a-debt.md`.
"""

from datetime import datetime

import msgspec
from django.db import transaction

from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.models import Receipt
from bff.commands.ledger.movement import Movement


def split_debit(accounts: PlayerAccounts, movement: Movement) -> Movement:
    """`movement` out of the player's accounts as far as they hold it.

    A shortfall of real money becomes a debt; a shortfall of bonus money is borne by the house's account `promotions`.
    """
    due = movement.real_minor + movement.owed_minor
    real = max(due, -accounts.balance("real"))
    bonus = max(movement.bonus_minor, -accounts.balance("bonus"))
    return Movement(real, bonus, movement.forfeited_minor + movement.bonus_minor - bonus, due - real)


def split_credit(accounts: PlayerAccounts, movement: Movement) -> Movement:
    """`movement` into the player's accounts, with the part of the real money that settles what they owe."""
    settled = min(max(0, movement.real_minor), -accounts.balance("debt"))
    return movement._replace(real_minor=movement.real_minor - settled, owed_minor=movement.owed_minor + settled)


class _WriteOff(msgspec.Struct, frozen=True):
    reference: str


@transaction.atomic
def write_off(player: str, currency: str, reference: str, now: datetime) -> Receipt:
    """Write off all that a player owes, once a reference. Raises `CommandRejected` where nothing is owed."""
    request = CommandRequest.of(player, currency, "write-off", f"write-off:{reference}", _WriteOff(reference))
    accounts = PlayerAccounts.open(player, currency, now)
    if (existing := receipts.find_existing(request, accounts)) is not None:
        return existing
    owed = -accounts.balance("debt")
    if not owed:
        raise CommandRejected(409, "nothing_owed", "This player owes nothing. Nothing was changed.")
    receipt = receipts.write(accounts, request, kind="write-off", state="done", amount_minor=0, in_history=False)
    accounts.post("write-off", receipt, {"debt": owed}, "losses")
    outbox.append(accounts, "DebtWrittenOff", [receipt])
    return receipt
