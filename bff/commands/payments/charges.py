"""Charges requested from the payments provider, and the receipts that they settle.

Public: `settle`, `decide`.
"""

from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction

from bff.commands.engine.policy import POLICY
from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRejected
from bff.commands.ledger.models import Charge, Receipt
from bff.commands.payments.outcome import ChargeOutcome
from bff.resilience import log
from bff.resilience.backoff import backoff_s

logger = log.get("deposit")


@transaction.atomic
def settle(receipt_id: str, outcome: ChargeOutcome, now: datetime) -> Receipt:
    """Record the provider's answer. Safe to repeat and in any order: money moves once, on the first approval.

    An approval also settles a receipt that was given up as lost, for then the charge has been made after all. One that
    speaks of another amount or currency than was asked for settles nothing: see `decide`.
    """
    found = Receipt.objects.select_related("player").get(pk=receipt_id)
    accounts = PlayerAccounts.open(found.player_id, found.currency, now)
    receipt = Receipt.objects.get(pk=receipt_id)
    charge = Charge.objects.get(pk=receipt_id)
    if charge.state in ("approved", "declined") or (charge.state == "lost" and outcome.state != "approved"):
        return receipt
    if outcome.charge_id:
        charge.charge_id = outcome.charge_id
    if _differs(receipt, outcome):
        _leave_to_people(receipt, charge, outcome)
        return receipt
    if outcome.state in ("processing", "unknown"):
        _wait(accounts, receipt, charge, outcome)
        return receipt
    charge.state, charge.check_at = outcome.state, None
    charge.save()
    if outcome.state == "approved":
        receipts.change(accounts, receipt, state="done")
        accounts.post("deposit", receipt, {"real": receipt.amount_minor}, "payments")
        outbox.append(accounts, "FundsDeposited", [receipt])
    else:
        receipts.change(accounts, receipt, state="declined", reason=outcome.reason)
        outbox.append(accounts, "DepositDeclined", [receipt])
    return receipt


def decide(receipt_id: str, state: Literal["approved", "declined"], reason: str, now: datetime) -> Receipt:
    """Record an operator's decision about a charge that differs; `reason` is a sentence for the player. Raises
    `CommandRejected`.
    """
    charge = Charge.objects.filter(pk=receipt_id).first()
    if charge is None or charge.state != "differs":
        raise CommandRejected(404, "charge_unknown", f"There is no charge {receipt_id} that waits to be decided.")
    return settle(receipt_id, ChargeOutcome(state, reason=reason), now)


def _differs(receipt: Receipt, outcome: ChargeOutcome) -> bool:
    amount = outcome.amount_minor not in (None, receipt.amount_minor)
    return amount or outcome.currency not in (None, receipt.currency)


def _leave_to_people(receipt: Receipt, charge: Charge, outcome: ChargeOutcome) -> None:
    """A charge that was not requested: no money moves, and the provider is not asked again until an
    operator decides.
    """
    charge.state, charge.check_at = "differs", None
    charge.charged = f"{outcome.amount_minor} {outcome.currency or receipt.currency}"[:40]
    charge.save()
    if receipt.in_flight_until is not None:
        receipt.in_flight_until = None
        receipt.save(update_fields=["in_flight_until"])
    logger.error("charge_differs", receipt=receipt.pk, requested=receipt.amount_minor, charged=charge.charged)


def _wait(accounts: PlayerAccounts, receipt: Receipt, charge: Charge, outcome: ChargeOutcome) -> None:
    if outcome.state == "processing":
        charge.state = "processing"
    wait_s = backoff_s(POLICY.check_backoff, charge.checks)
    charge.checks += 1
    charge.check_at = accounts.now + timedelta(seconds=wait_s)
    charge.save()
    if receipt.in_flight_until is not None:
        receipt.in_flight_until = None
        receipt.save(update_fields=["in_flight_until"])
