"""Receipts: the stored answer of each command, one per idempotency key.

Public: `find_existing`, `write`, `change`, `on_the_wire`, `history_line`.
"""

from datetime import timedelta
from typing import cast

from bff.commands.engine import statements
from bff.commands.engine.identifiers import fresh_id
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.models import Receipt
from bff.contracts import codes
from bff.contracts.command_names import CLOSE_KEY
from bff.contracts.ledger import MovementLine
from bff.contracts.wallet import MovementState
from bff.contracts.wallet import Receipt as ReceiptOnWire

# The command whose receipt stands under a key that can not be used any more.


def find_existing(request: CommandRequest, accounts: PlayerAccounts) -> Receipt | None:
    """The receipt that this key has already, as it stands now; None for a key that nobody has used.

    Raises `CommandRejected`: 422 when something else was asked under it, 409 while the first one is still at work, or
    when the key was closed before anything came under it.
    """
    existing = statements.find(Receipt, player_id=accounts.player.player_id, key=request.key)
    if not existing:
        return None
    receipt = existing[0]
    if receipt.command == CLOSE_KEY:
        detail = "This came too late and was not carried out. Nothing was done; send it again with a fresh key."
        raise CommandRejected(409, "key_closed", detail)
    if receipt.fingerprint != request.fingerprint:
        detail = "This key was used for a different command. Nothing was done. Use a fresh key for another command."
        raise CommandRejected(422, "idempotency_key_reused", detail)
    if receipt.in_flight_until is not None and receipt.in_flight_until > accounts.now:
        detail = "The same command is being carried out at this moment. Ask again with the same key."
        raise CommandRejected(409, codes.COMMAND_IN_FLIGHT, detail)
    return receipt


def write(
    accounts: PlayerAccounts,
    request: CommandRequest,
    *,
    kind: str,
    state: MovementState,
    amount_minor: int,
    reason: str = "",
    in_flight_s: float = 0.0,
    in_history: bool = True,
) -> Receipt:
    """A receipt, by default a line of the player's history; its sequence is that of the event to come."""
    receipt = Receipt(
        receipt_id=fresh_id("rc"),
        player=accounts.player,
        ordinal=accounts.player.lines if in_history else None,
        command=request.command,
        kind=kind,
        state=state,
        amount_minor=amount_minor,
        currency=accounts.player.currency,
        at=accounts.now,
        epoch=accounts.epoch,
        sequence=accounts.player.sequence + 1,
        reason=reason,
        key=request.key,
        fingerprint=request.fingerprint,
        in_flight_until=accounts.now + timedelta(seconds=in_flight_s) if in_flight_s else None,
    )
    statements.insert(receipt)
    accounts.player.lines += in_history
    return receipt


def change(accounts: PlayerAccounts, receipt: Receipt, *, state: MovementState, reason: str = "") -> None:
    """Update the receipt of a command that has progressed; requests that wait for it may be answered."""
    receipt.state = state
    receipt.reason = reason
    receipt.epoch, receipt.sequence = accounts.epoch, accounts.player.sequence + 1
    receipt.in_flight_until = None
    statements.update(receipt, "state", "reason", "epoch", "sequence", "in_flight_until")


def on_the_wire(receipt: Receipt) -> ReceiptOnWire:
    """The receipt as callers and events see it."""
    return ReceiptOnWire(
        receipt_id=receipt.receipt_id,
        command=receipt.command,
        state=receipt.state,  # type: ignore[arg-type]  # the engine writes no other
        amount_minor=receipt.amount_minor,
        currency=receipt.currency,
        at=receipt.at,
        sequence=(receipt.epoch, receipt.sequence),
        reason=receipt.reason,
    )


def history_line(receipt: Receipt) -> MovementLine:
    """The receipt as a line of the history; it must have an ordinal."""
    return MovementLine(ordinal=cast(int, receipt.ordinal), kind=receipt.kind, receipt=on_the_wire(receipt))
