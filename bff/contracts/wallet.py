"""A player's money as the BFF shows it, and the commands on it.

Public: `Balances`, `Movement`, `Availability`, `WalletData`, `Deposit`, `ClaimPromotion`, `Receipt`,
`ReceiptData`, `WalletState`, `ReceiptState`, `PendingState`, `wallet_topic`, `receipt_topic`, `pending_topic`,
`SCOPE_READ`, `SCOPE_DEPOSIT`, `SCOPE_CLAIM`, `SCOPE_WITHDRAW`, `SCOPE_LIMITS`, `Withdraw`, `CancelWithdrawal`,
`SetDepositLimit`, `SelfExclude`, `CloseKey`, `DepositLimit`, `LimitsState`, `LimitsData`, `LimitPeriod`,
`limits_topic`.
Read at `GET /views/wallet[?min_sequence=<epoch>:<n>]` as `View[WalletData]`, `GET /views/limits[?min_sequence=…]` as
`View[LimitsData]` and `GET /views/receipts/<receipt_id>` as `View[ReceiptData]`. Commanded at `POST /commands/<name>`
with `deposit`, `claim-promotion`, `withdraw`, `cancel-withdrawal`, `set-deposit-limit` and `self-exclude`; all take
`Idempotency-Key` and a player's bearer and answer a `Receipt` (200 done or declined, 202 pending) or a problem.
`close-key`, under the key of any of them, says what became of it.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from bff.contracts.money import Currency
from bff.contracts.view import Sequence

SCOPE_READ = "wallet.read"
SCOPE_DEPOSIT = "wallet.deposit"
SCOPE_CLAIM = "promotions.claim"
SCOPE_WITHDRAW = "wallet.withdraw"
SCOPE_LIMITS = "wallet.limits"

LimitPeriod = Literal["day", "week", "month"]

MovementState = Literal["done", "pending", "declined"]
AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]


def wallet_topic(player: str) -> str:
    """The topic of one player's wallet; only that player's sockets may follow it."""
    return f"wallet.{player}"


def receipt_topic(receipt_id: str) -> str:
    """Where the query store holds one receipt; nobody may follow it."""
    return f"receipts.{receipt_id}"


def pending_topic(player: str) -> str:
    """Where the query store holds what a player waits for, as `PendingState`; nobody may follow it."""
    return f"pending.{player}"


class Balances(msgspec.Struct, frozen=True):
    """Minor units. `pending` is money on its way in and `held` on its way out; both are part of no other figure."""

    real_minor: int
    bonus_minor: int
    withdrawable_minor: int
    pending_minor: int
    currency: Currency
    held_minor: int = 0


class Movement(msgspec.Struct, frozen=True):
    """One line of the history. `amount_minor` is signed as the player sees it: money in is positive."""

    reference: str
    kind: str
    state: MovementState
    amount_minor: int
    currency: Currency
    at: datetime


class Availability(msgspec.Struct, frozen=True):
    """Whether an action can be taken; `reason` is a sentence for the player when it can not.

    `own` when it is the player's own state that closes it (nothing to withdraw, a break), which is no fault.
    """

    open: bool
    reason: str = ""
    own: bool = False


class WalletData(msgspec.Struct, frozen=True):
    """`recent` has the newest first, at most 10; `actions` maps `deposit` and `withdraw` to whether they can be taken.

    `pending` has all that is neither done nor declined, newest first: deposits on their way in, withdrawals held.
    """

    balances: Balances
    recent: list[Movement]
    actions: dict[str, Availability]
    pending: list[Movement] = []


class Deposit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /commands/deposit`."""

    amount_minor: int
    currency: Currency


class ClaimPromotion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /commands/claim-promotion`."""

    promotion_id: str


class Withdraw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /commands/withdraw`: the amount is held at once and pending until it is paid or given back."""

    amount_minor: int
    currency: Currency


class CancelWithdrawal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /commands/cancel-withdrawal`: the player takes back what is still held."""

    receipt_id: str


class SetDepositLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /commands/set-deposit-limit`. None takes the limit away; more than before waits a day."""

    period: LimitPeriod
    amount_minor: int | None
    currency: Currency


class SelfExclude(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /commands/self-exclude`. `days` None means for good; nothing makes it shorter afterwards."""

    days: int | None


class CloseKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /commands/close-key`, under the key of a command that was sent at `sent_at` and whose answer got
    lost: its receipt as it stands. A key under which nothing has arrived long after is closed (`declined`, with this
    command's name): what was sent under it can not be carried out any more.
    """

    sent_at: AwareTime


class DepositLimit(msgspec.Struct, frozen=True):
    """What may be paid in within a rolling `period`. From `next_at` on it is `next_minor` (None: no limit)."""

    period: LimitPeriod
    amount_minor: int | None
    next_minor: int | None = None
    next_at: datetime | None = None


class LimitsState(msgspec.Struct, frozen=True):
    """A player's limits as the projector keeps them under `limits_topic`. `excluded_until` in the past is over."""

    currency: Currency
    deposit: list[DepositLimit]
    excluded_until: datetime | None = None


class LimitsData(msgspec.Struct, frozen=True):
    """A player's limits as they are at this moment: what has come into force counts, what is over is left out.

    `deposit` has every period, with an amount of None where nothing is forbidden. `actions` maps `limit` and
    `exclude`. Whether they are on a break the view says, as every view of a player does.
    """

    currency: Currency
    deposit: list[DepositLimit]
    actions: dict[str, Availability]


def limits_topic(player: str) -> str:
    """Where the query store holds one player's limits as `LimitsState`."""
    return f"limits.{player}"


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


class PendingState(msgspec.Struct, frozen=True):
    """What is neither done nor declined, newest first, as the projector keeps it under `pending_topic`."""

    movements: list[Movement]


class ReceiptState(msgspec.Struct, frozen=True):
    """A receipt as the projector keeps it under `receipt_topic`; `player` decides who may read it."""

    player: str
    receipt: Receipt
