"""Deposit: intent first, the provider outside of any transaction, then the money.

Public: `begin`, `settle`, `decide`, `Verdict`, `check_amount`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction

from bff.commands import limits
from bff.commands.engine.policy import POLICY
from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import Book
from bff.commands.ledger.currencies import LIMITS, limits_of
from bff.commands.ledger.models import Charge, Receipt
from bff.commands.ledger.receipts import Asked, Refused
from bff.contracts.wallet import Deposit
from bff.resilience import log
from bff.resilience.backoff import backoff_s

logger = log.get("deposit")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about a charge. `unknown`: it may or may not have been made; `lost`: it was not."""

    state: Literal["approved", "declined", "processing", "lost", "unknown"]
    charge_id: str = ""
    reason: str = ""  # a sentence for the player
    # What the provider says was charged, where it says so.
    amount_minor: int | None = None
    currency: str | None = None


def check_amount(amount_minor: int, currency: str) -> None:
    """Raises `Refused` for an amount or a currency that nobody can pay in."""
    allowed = limits_of(currency)
    if allowed is None:
        known = ", ".join(LIMITS)
        raise Refused(422, "currency_unknown", "Nothing was done.", {"currency": f"Use one of {known}."})
    if amount_minor <= 0:
        raise Refused(422, "amount_too_small", "Nothing was done.", {"amount_minor": "Enter an amount above zero."})
    if amount_minor > allowed.amount_minor_max:
        raise Refused(422, "amount_too_large", "Nothing was done.", {"amount_minor": "Enter a smaller amount."})


@transaction.atomic
def begin(asked: Asked, deposit: Deposit, now: datetime) -> tuple[Receipt, bool]:
    """The pending receipt, and whether the charge is still to be made (False: the key was used before)."""
    check_amount(deposit.amount_minor, deposit.currency)
    book = Book.open(asked.player, deposit.currency, now)
    if (before := receipts.answered_before(asked, book)) is not None:
        return before, False
    if deposit.currency != book.player.currency:
        wrong = f"Your account is kept in {book.player.currency}."
        raise Refused(422, "currency_differs", "Nothing was done.", {"currency": wrong})
    limits.check_excluded(book)
    limits.check_deposit(book, deposit.amount_minor)
    receipt = receipts.write(
        book,
        asked,
        kind="deposit",
        state="pending",
        amount_minor=deposit.amount_minor,
        reason="We are waiting for the payment provider.",
        in_flight_s=POLICY.in_flight_s,
    )
    # Should this process die now, the resolver asks the provider once nobody can be at work on it any more.
    Charge.objects.create(
        receipt=receipt, state="sent", sent_at=now, check_at=now + timedelta(seconds=POLICY.in_flight_s)
    )
    outbox.tell(book, "DepositRequested", [receipt])
    return receipt, True


@transaction.atomic
def settle(receipt_id: str, verdict: Verdict, now: datetime) -> Receipt:
    """Write down what the provider said. Safe to repeat and in any order: money moves once, on the first approval.

    An approval also settles a receipt that was given up as lost, for then the charge has been made after all. One that
    speaks of another amount or currency than was asked for settles nothing: see `decide`.
    """
    found = Receipt.objects.select_related("player").get(pk=receipt_id)
    book = Book.open(found.player_id, found.currency, now)
    receipt = Receipt.objects.get(pk=receipt_id)
    charge = Charge.objects.get(pk=receipt_id)
    if charge.state in ("approved", "declined") or (charge.state == "lost" and verdict.state != "approved"):
        return receipt
    if verdict.charge_id:
        charge.charge_id = verdict.charge_id
    if _differs(receipt, verdict):
        _leave_to_people(receipt, charge, verdict)
        return receipt
    if verdict.state in ("processing", "unknown"):
        _wait(book, receipt, charge, verdict)
        return receipt
    charge.state, charge.check_at = verdict.state, None
    charge.save()
    if verdict.state == "approved":
        receipts.change(book, receipt, state="done")
        book.post("deposit", receipt, {"real": receipt.amount_minor}, "payments")
        outbox.tell(book, "FundsDeposited", [receipt])
    else:
        receipts.change(book, receipt, state="declined", reason=verdict.reason)
        outbox.tell(book, "DepositDeclined", [receipt])
    return receipt


def decide(receipt_id: str, state: Literal["approved", "declined"], reason: str, now: datetime) -> Receipt:
    """What people say about a charge that differs; `reason` is a sentence for the player. Raises `Refused`."""
    charge = Charge.objects.filter(pk=receipt_id).first()
    if charge is None or charge.state != "differs":
        raise Refused(404, "charge_unknown", f"There is no charge {receipt_id} that waits to be decided.")
    return settle(receipt_id, Verdict(state, reason=reason), now)


def _differs(receipt: Receipt, verdict: Verdict) -> bool:
    amount = verdict.amount_minor not in (None, receipt.amount_minor)
    return amount or verdict.currency not in (None, receipt.currency)


def _leave_to_people(receipt: Receipt, charge: Charge, verdict: Verdict) -> None:
    """Money that nobody asked for: nothing moves, and nobody is asked again, until somebody has looked at it."""
    charge.state, charge.check_at = "differs", None
    charge.said = f"{verdict.amount_minor} {verdict.currency or receipt.currency}"[:40]
    charge.save()
    if receipt.in_flight_until is not None:
        receipt.in_flight_until = None
        receipt.save(update_fields=["in_flight_until"])
    logger.error("charge_differs", receipt=receipt.pk, asked=receipt.amount_minor, charged=charge.said)


def _wait(book: Book, receipt: Receipt, charge: Charge, verdict: Verdict) -> None:
    if verdict.state == "processing":
        charge.state = "processing"
    wait_s = backoff_s(POLICY.check_backoff, charge.checks)
    charge.checks += 1
    charge.check_at = book.now + timedelta(seconds=wait_s)
    charge.save()
    if receipt.in_flight_until is not None:
        receipt.in_flight_until = None
        receipt.save(update_fields=["in_flight_until"])
