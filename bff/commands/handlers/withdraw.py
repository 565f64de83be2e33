"""Withdraw: money is held at once, and then paid, given back by the house, or taken back by the player.

Public: `withdraw`, `cancel`, `pay`, `release`.
"""

from datetime import datetime

from django.db import transaction

from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import NotEnough, PlayerAccounts
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.currencies import check_amount
from bff.commands.ledger.models import Receipt, Withdrawal
from bff.contracts import codes
from bff.contracts.wallet import CancelWithdrawal, Withdraw


@transaction.atomic
def withdraw(request: CommandRequest, body: Withdraw, now: datetime) -> Receipt:
    """The pending receipt; the amount can not be staked from here on."""
    check_amount(body.amount_minor, body.currency)
    accounts = PlayerAccounts.open(request.player, body.currency, now)
    if (existing := receipts.find_existing(request, accounts)) is not None:
        return existing
    if body.currency != accounts.player.currency:
        wrong = f"Your account is kept in {accounts.player.currency}."
        raise CommandRejected(422, "currency_differs", "Nothing was done.", {"currency": wrong})
    receipt = receipts.write(
        accounts,
        request,
        kind="withdrawal",
        state="pending",
        amount_minor=-body.amount_minor,
        reason="The money is set aside for you until it is paid out.",
    )
    try:
        accounts.post("hold", receipt, {"real": -body.amount_minor, "held": body.amount_minor}, "payments")
    except NotEnough as error:
        fields = {"amount_minor": "This is more than you can withdraw."}
        raise CommandRejected(409, codes.NOT_ENOUGH_MONEY, "Nothing was done.", fields) from error
    Withdrawal.objects.create(receipt=receipt, state="held")
    outbox.append(accounts, "WithdrawalRequested", [receipt])
    return receipt


@transaction.atomic
def cancel(request: CommandRequest, body: CancelWithdrawal, now: datetime) -> Receipt:
    """The player takes back what is still held."""
    accounts = PlayerAccounts.open(request.player, request.currency, now)
    if (existing := receipts.find_existing(request, accounts)) is not None:
        return existing
    held = (
        Withdrawal.objects.select_related("receipt").filter(pk=body.receipt_id, receipt__player=accounts.player).first()
    )
    if held is None:
        raise CommandRejected(404, "withdrawal_unknown", "You have no withdrawal with this reference.")
    if held.state != "held":
        raise CommandRejected(409, "withdrawal_decided", f"This withdrawal was {held.state} already.")
    amount = -held.receipt.amount_minor
    receipt = receipts.write(accounts, request, kind="withdrawal", state="done", amount_minor=amount, in_history=False)
    _give_back(accounts, held, "cancelled", "You took this withdrawal back.")
    outbox.append(accounts, "WithdrawalCancelled", [held.receipt, receipt])
    return receipt


@transaction.atomic
def pay(receipt_id: str, now: datetime) -> Receipt:
    """The money has left the house; raises `CommandRejected` when it is not held."""
    accounts, held = _held(receipt_id, now)
    receipts.change(accounts, held.receipt, state="done")
    accounts.post("payout", held.receipt, {"held": held.receipt.amount_minor}, "payments")
    held.state, held.decided_at = "paid", now
    held.save()
    outbox.append(accounts, "WithdrawalPaid", [held.receipt])
    return held.receipt


@transaction.atomic
def release(receipt_id: str, reason: str, now: datetime) -> Receipt:
    """The house does not pay: the money is the player's to stake again. `reason` is a sentence for the player."""
    accounts, held = _held(receipt_id, now)
    _give_back(accounts, held, "released", reason)
    outbox.append(accounts, "WithdrawalReleased", [held.receipt])
    return held.receipt


def _held(receipt_id: str, now: datetime) -> tuple[PlayerAccounts, Withdrawal]:
    owner = Receipt.objects.filter(pk=receipt_id, withdrawal__isnull=False).values_list("player_id", "currency").first()
    if owner is None:
        raise CommandRejected(404, "withdrawal_unknown", f"There is no withdrawal {receipt_id}.")
    accounts = PlayerAccounts.open(*owner, now)
    held = Withdrawal.objects.select_related("receipt").get(pk=receipt_id)
    if held.state != "held":
        raise CommandRejected(409, "withdrawal_decided", f"The withdrawal {receipt_id} was {held.state} already.")
    return accounts, held


def _give_back(accounts: PlayerAccounts, held: Withdrawal, state: str, reason: str) -> None:
    amount = held.receipt.amount_minor
    receipts.change(accounts, held.receipt, state="declined", reason=reason)
    accounts.post("release", held.receipt, {"held": amount, "real": -amount}, "payments")
    held.state, held.decided_at = state, accounts.now
    held.save()
