"""Safer gambling: deposit limits and self-exclusion. The engine enforces them, so no house in between can bypass them.

Public: `set_deposit_limit`, `self_exclude`.
"""

from datetime import datetime, timedelta

from django.db import transaction

from bff.commands.engine.policy import POLICY
from bff.commands.ledger import outbox, player_limits, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.currencies import limits_of
from bff.commands.ledger.models import DepositLimit, Receipt
from bff.contracts.wallet import MovementState, SelfExclude, SetDepositLimit

DAYS_MAX = 3650


@transaction.atomic
def set_deposit_limit(request: CommandRequest, body: SetDepositLimit, now: datetime) -> Receipt:
    """A lower limit takes effect at once; a higher one, or none, after a cooling-off day."""
    accounts = PlayerAccounts.open(request.player, body.currency, now)
    if (existing := receipts.find_existing(request, accounts)) is not None:
        return existing
    if body.currency != accounts.player.currency:
        wrong = f"Your account is kept in {accounts.player.currency}."
        raise CommandRejected(422, "currency_differs", "Nothing was changed.", {"currency": wrong})
    allowed = limits_of(accounts.player.currency)
    most = allowed.amount_minor_max if allowed else 0
    if body.amount_minor is not None and not 0 <= body.amount_minor <= most:
        fields = {"amount_minor": "Enter an amount from zero on."}
        raise CommandRejected(422, "amount_out_of_range", "Nothing was changed.", fields)
    limit, _ = DepositLimit.objects.get_or_create(player=accounts.player, period=body.period)
    limit.amount_minor = player_limits.effective_minor(limit, now)
    state: MovementState
    if _stricter(body.amount_minor, limit.amount_minor):
        limit.amount_minor, limit.next_minor, limit.next_at = body.amount_minor, None, None
        state, reason = "done", ""
    else:
        limit.next_minor = body.amount_minor
        limit.next_at = now + timedelta(hours=POLICY.limit_raise_h)
        state, reason = "pending", f"A higher limit counts {POLICY.limit_raise_h} hours from now."
    limit.save()
    amount = body.amount_minor or 0
    receipt = receipts.write(
        accounts, request, kind="limit", state=state, amount_minor=amount, reason=reason, in_history=False
    )
    outbox.append(accounts, "DepositLimitSet", [receipt], limits_changed=True)
    return receipt


@transaction.atomic
def self_exclude(request: CommandRequest, body: SelfExclude, now: datetime) -> Receipt:
    """From this moment on: no stake, no deposit, no bonus. What is in the account can be withdrawn."""
    if body.days is not None and not 1 <= body.days <= DAYS_MAX:
        fields = {"days": f"Enter 1 to {DAYS_MAX} days, or leave it open for good."}
        raise CommandRejected(422, "days_out_of_range", "Nothing was changed.", fields)
    accounts = PlayerAccounts.open(request.player, request.currency, now)
    if (existing := receipts.find_existing(request, accounts)) is not None:
        return existing
    until = player_limits.FOR_GOOD if body.days is None else now + timedelta(days=body.days)
    accounts.player.excluded_until = max(until, accounts.player.excluded_until or until)
    accounts.player.save(update_fields=["excluded_until"])
    receipt = receipts.write(accounts, request, kind="exclusion", state="done", amount_minor=0, in_history=False)
    outbox.append(accounts, "PlayerExcluded", [receipt], limits_changed=True)
    return receipt


def _stricter(wanted: int | None, standing: int | None) -> bool:
    if wanted is None:
        return standing is None
    return standing is None or wanted <= standing
