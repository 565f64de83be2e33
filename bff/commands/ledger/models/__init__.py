"""The command database's tables, which `bff.commands.models` passes on to Django."""

from bff.commands.ledger.models.events import OutboxRow, Rebuild, RelayState
from bff.commands.ledger.models.games import GameTransaction, Grant, Offer, PlayerGame, PrizeDay, ProviderRequest
from bff.commands.ledger.models.money import (
    Account,
    Charge,
    DepositLimit,
    Entry,
    Player,
    Receipt,
    Transaction,
    Withdrawal,
)

__all__ = [
    "Account",
    "Charge",
    "DepositLimit",
    "Entry",
    "GameTransaction",
    "Grant",
    "Offer",
    "OutboxRow",
    "Player",
    "PlayerGame",
    "PrizeDay",
    "ProviderRequest",
    "Rebuild",
    "Receipt",
    "RelayState",
    "Transaction",
    "Withdrawal",
]
