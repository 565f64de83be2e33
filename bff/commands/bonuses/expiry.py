"""Takes back bonuses that expired before they were wagered.

Public: `run_expiry`, `expire_batch`, `running_after_expiry`.
"""

import asyncio
from datetime import UTC, datetime

import msgspec
from django.db import transaction

from bff.broker import pause
from bff.commands.bonuses import grants, wagering
from bff.commands.engine import statements
from bff.commands.engine.policy import RELAY
from bff.commands.engine.threads import Engine, EngineUnavailable
from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRequest
from bff.commands.ledger.models import Grant

BATCH = 50


class _EndBonus(msgspec.Struct, frozen=True):
    grant: int


async def run_expiry(engine: Engine, stopping: asyncio.Event) -> None:
    """Runs until `stopping`. While the database is down it tries again; a late expiry loses nothing."""
    while not stopping.is_set():
        try:
            ended = await engine.run(expire_batch, datetime.now(UTC))
        except EngineUnavailable:
            ended = 0
        if ended < BATCH:
            await pause(stopping, RELAY.bonus_expiry_poll_s)


def expire_batch(now: datetime) -> int:
    """Take back a batch of expired bonuses and return how many were examined. Two processes at once end each bonus
    once.
    """
    overdue = Grant.objects.filter(state="running", ends_at__lte=now).order_by("ends_at")
    found = list(overdue.values_list("pk", "player_id", "player__currency")[:BATCH])
    for pk, player_id, currency in found:
        _expire_one(pk, player_id, currency, now)
    return len(found)


def running_after_expiry(accounts: PlayerAccounts) -> list[Grant]:
    """The player's running bonuses, in the order of their claims. Expired ones are ended here first, so that a stake
    never draws on expired money, however late the loop is.
    """
    undecided = grants.running(accounts)
    for grant in undecided:
        if grant.ends_at <= accounts.now:
            _expire(accounts, grant)
    return [grant for grant in undecided if grant.state == "running"]


@transaction.atomic
def _expire_one(pk: int, player_id: str, currency: str, now: datetime) -> None:
    accounts = PlayerAccounts.open(player_id, currency, now)
    [grant] = statements.find(Grant, id=pk)
    if grant.state == "running":
        _expire(accounts, grant)


def _expire(accounts: PlayerAccounts, grant: Grant) -> None:
    left = wagering.balance_beyond_others(accounts, grant)
    grant.state, grant.decided_at = "ended", accounts.now
    statements.update(grant, "state", "decided_at")
    player = accounts.player
    request = CommandRequest.of(player.player_id, player.currency, "end-bonus", f"end:{grant.pk}", _EndBonus(grant.pk))
    reason = "Its time was over before it had been staked often enough."
    receipt = receipts.write(
        accounts, request, kind="bonus", state="done", amount_minor=-left, reason=reason, in_history=left > 0
    )
    if left:
        accounts.post("bonus-end", receipt, {"bonus": -left}, "promotions")
    outbox.append(accounts, "BonusEnded", [receipt], claims_changed=True)
