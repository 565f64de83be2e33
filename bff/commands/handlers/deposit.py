"""Deposit: intent first, the provider outside of any transaction, then the money.

Public: `deposit`, `begin`.
"""

from datetime import UTC, datetime, timedelta

from django.db import transaction

from bff.commands.engine.policy import POLICY
from bff.commands.engine.threads import EngineUnavailable
from bff.commands.handlers.services import Services
from bff.commands.ledger import outbox, player_limits, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.currencies import check_amount
from bff.commands.ledger.models import Charge, Receipt
from bff.commands.payments import charges
from bff.contracts.wallet import Deposit
from bff.resilience import log

logger = log.get("deposit")


@transaction.atomic
def begin(request: CommandRequest, body: Deposit, now: datetime) -> tuple[Receipt, bool]:
    """The pending receipt, and whether the charge is still to be made (False: the key was used before)."""
    check_amount(body.amount_minor, body.currency)
    accounts = PlayerAccounts.open(request.player, body.currency, now)
    if (existing := receipts.find_existing(request, accounts)) is not None:
        return existing, False
    if body.currency != accounts.player.currency:
        wrong = f"Your account is kept in {accounts.player.currency}."
        raise CommandRejected(422, "currency_differs", "Nothing was done.", {"currency": wrong})
    player_limits.check_excluded(accounts)
    player_limits.check_deposit(accounts, body.amount_minor)
    receipt = receipts.write(
        accounts,
        request,
        kind="deposit",
        state="pending",
        amount_minor=body.amount_minor,
        reason="We are waiting for the payment provider.",
        in_flight_s=POLICY.in_flight_s,
    )
    # If this process dies here, the resolver asks the provider once no process can still be working on the charge.
    Charge.objects.create(
        receipt=receipt, state="sent", sent_at=now, check_at=now + timedelta(seconds=POLICY.in_flight_s)
    )
    outbox.append(accounts, "DepositRequested", [receipt])
    return receipt, True


async def deposit(services: Services, request: CommandRequest, body: Deposit) -> Receipt:
    """The receipt once the provider has answered; pending while the outcome of the charge is unknown."""
    receipt, is_new = await services.engine.run(begin, request, body, datetime.now(UTC))
    if not is_new:
        return receipt
    outcome = await services.payments.charge(receipt.receipt_id, receipt.amount_minor, receipt.currency)
    try:
        return await services.engine.run(charges.settle, receipt.receipt_id, outcome, datetime.now(UTC))
    except EngineUnavailable as error:
        # The provider has answered but its answer can not be stored: the receipt stays pending, and the resolver asks
        # again.
        logger.warning("deposit_unsettled", receipt=receipt.receipt_id, detail=str(error))
        return receipt
