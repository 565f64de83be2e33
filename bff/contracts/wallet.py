"""A player's money as the BFF shows it, and the commands on it.

Public: `Balances`, `Movement`, `Availability`, `WalletData`, `Deposit`, `ClaimPromotion`, `Receipt`,
`ReceiptData`, `WalletState`, `ReceiptState`, `wallet_topic`, `receipt_topic`, `SCOPE_READ`, `SCOPE_DEPOSIT`,
`SCOPE_CLAIM`.
Read at `GET /views/wallet[?min_sequence=<epoch>:<n>]` as `View[WalletData]` and `GET /views/receipts/<receipt_id>` as
`View[ReceiptData]`. Commanded at `POST /commands/deposit` and `POST /commands/claim-promotion`; both take
`Idempotency-Key` and a player's bearer and answer a `Receipt` (200 done or declined, 202 pending) or a problem.
"""

from datetime import datetime
from typing import Literal

import msgspec

from bff.contracts.money import Currency
from bff.contracts.view import Sequence

SCOPE_READ = "wallet.read"
SCOPE_DEPOSIT = "wallet.deposit"
SCOPE_CLAIM = "promotions.claim"

MovementState = Literal["done", "pending", "declined"]


def wallet_topic(player: str) -> str:
    """The topic of one player's wallet; only that player's sockets may follow it."""
    return f"wallet.{player}"


def receipt_topic(receipt_id: str) -> str:
    """Where the query store holds one receipt; nobody may follow it."""
    return f"receipts.{receipt_id}"


class Balances(msgspec.Struct, frozen=True):
    """Minor units. `pending` is money on its way in, part of no other figure."""

    real_minor: int
    bonus_minor: int
    withdrawable_minor: int
    pending_minor: int
    currency: Currency


class Movement(msgspec.Struct, frozen=True):
    """One line of the history. `amount_minor` is signed as the player sees it: money in is positive."""

    reference: str
    kind: str
    state: MovementState
    amount_minor: int
    currency: Currency
    at: datetime


class Availability(msgspec.Struct, frozen=True):
    """Whether an action can be taken; `reason` is a sentence for the player when it can not."""

    open: bool
    reason: str = ""


class WalletData(msgspec.Struct, frozen=True):
    """`recent` has the newest first, at most 10; `actions` maps `deposit` to whether it can be taken."""

    balances: Balances
    recent: list[Movement]
    actions: dict[str, Availability]


class Deposit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /commands/deposit`."""

    amount_minor: int
    currency: Currency


class ClaimPromotion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /commands/claim-promotion`."""

    promotion_id: str


class Receipt(msgspec.Struct, frozen=True):
    """The stored answer to a command. `sequence` is the player's, to read one's own write by.

    `reason` is a sentence for the player when the state is not `done`.
    """

    receipt_id: str
    command: str
    state: MovementState
    amount_minor: int
    currency: Currency
    at: datetime
    sequence: Sequence
    reason: str = ""


class ReceiptData(msgspec.Struct, frozen=True):
    """One receipt of the asking player."""

    receipt: Receipt


class WalletState(msgspec.Struct, frozen=True):
    """A player's money as the projector keeps it under `wallet_topic`, and as live messages carry it."""

    balances: Balances
    recent: list[Movement]


class ReceiptState(msgspec.Struct, frozen=True):
    """A receipt as the projector keeps it under `receipt_topic`; `player` decides who may read it."""

    player: str
    receipt: Receipt
