"""Receipts: what a command answers, under which key, and once only.

Public: `Asked`, `Refused`, `CLOSED`, `answered_before`, `write`, `change`, `on_the_wire`, `line`.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import msgspec

from bff.commands.engine import statements
from bff.commands.engine.identifiers import fresh_id
from bff.commands.ledger.accounts import Book
from bff.commands.ledger.models import Receipt
from bff.contracts.ledger import MovementLine
from bff.contracts.wallet import MovementState
from bff.contracts.wallet import Receipt as ReceiptOnWire

# The command whose receipt stands under a key that can not be used any more.
CLOSED = "close-key"


class Refused(Exception):
    """The command was not taken and nothing has changed. Becomes a problem (RFC 9457) on the wire."""

    def __init__(self, status: int, code: str, detail: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(code, detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = fields or {}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what, under which key. `fingerprint` is the same exactly when the same is asked."""

    player: str
    currency: str
    command: str
    key: str
    fingerprint: str

    @classmethod
    def of(cls, player: str, currency: str, command: str, key: str, body: msgspec.Struct) -> "Asked":
        asked = command.encode() + b"\n" + msgspec.json.encode(body, order="sorted")
        return cls(player, currency, command, key, hashlib.sha256(asked).hexdigest())


def answered_before(asked: Asked, book: Book) -> Receipt | None:
    """The receipt that this key has already, as it stands now; None for a key that nobody has used.

    Raises `Refused`: 422 when something else was asked under it, 409 while the first one is still at work, or when the
    key was closed before anything came under it.
    """
    known = statements.find(Receipt, player_id=book.player.player_id, key=asked.key)
    if not known:
        return None
    receipt = known[0]
    if receipt.command == CLOSED:
        detail = "This came too late and was not carried out. Nothing was done; send it again with a fresh key."
        raise Refused(409, "key_closed", detail)
    if receipt.fingerprint != asked.fingerprint:
        detail = "This key was used for a different command. Nothing was done. Use a fresh key for another command."
        raise Refused(422, "idempotency_key_reused", detail)
    if receipt.in_flight_until is not None and receipt.in_flight_until > book.now:
        detail = "The same command is being carried out at this moment. Ask again with the same key."
        raise Refused(409, "command_in_flight", detail)
    return receipt


def write(
    book: Book,
    asked: Asked,
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
        player=book.player,
        ordinal=book.player.lines if in_history else None,
        command=asked.command,
        kind=kind,
        state=state,
        amount_minor=amount_minor,
        currency=book.player.currency,
        at=book.now,
        epoch=book.epoch,
        sequence=book.player.sequence + 1,
        reason=reason,
        key=asked.key,
        fingerprint=asked.fingerprint,
        in_flight_until=book.now + timedelta(seconds=in_flight_s) if in_flight_s else None,
    )
    statements.insert(receipt)
    book.player.lines += in_history
    return receipt


def change(book: Book, receipt: Receipt, *, state: MovementState, reason: str = "") -> None:
    """The receipt's command has come further; whoever waits for it may be answered."""
    receipt.state = state
    receipt.reason = reason
    receipt.epoch, receipt.sequence = book.epoch, book.player.sequence + 1
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


def line(receipt: Receipt) -> MovementLine:
    """The receipt as a line of the history; it must have an ordinal."""
    return MovementLine(ordinal=cast(int, receipt.ordinal), kind=receipt.kind, receipt=on_the_wire(receipt))
