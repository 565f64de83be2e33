"""Every command of a player, one row each: its address, its view and the scopes of close-key follow from the rows.

Public: `MoneyCommand`, `MONEY_COMMANDS`, `Handle`, `one_transaction`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from bff.commands.handlers import claim, deposit, games, limits, withdraw
from bff.commands.handlers.services import Services
from bff.commands.ledger.command_request import CommandRequest
from bff.commands.ledger.models import Receipt
from bff.contracts.games import SCOPE_GAMES_WRITE, LaunchGame, SetFavourite
from bff.contracts.wallet import (
    SCOPE_CLAIM,
    SCOPE_DEPOSIT,
    SCOPE_LIMITS,
    SCOPE_WITHDRAW,
    CancelWithdrawal,
    ClaimPromotion,
    Deposit,
    SelfExclude,
    SetDepositLimit,
    Withdraw,
)

Handle = Callable[[Services, CommandRequest, Any], Awaitable[Receipt]]


@dataclass(frozen=True, slots=True)
class MoneyCommand:
    """`name` is what stands after `/commands/`, `body` what is posted there by whoever has `scope`."""

    name: str
    scope: str
    body: type[msgspec.Struct]
    handle: Handle


def one_transaction(act: Callable[[CommandRequest, Any, datetime], Receipt]) -> Handle:
    """Handles a command that is one transaction of the database."""

    async def handle(services: Services, request: CommandRequest, body: Any) -> Receipt:
        return await services.engine.run(act, request, body, datetime.now(UTC))

    return handle


MONEY_COMMANDS = (
    MoneyCommand("deposit", SCOPE_DEPOSIT, Deposit, deposit.deposit),
    MoneyCommand("claim-promotion", SCOPE_CLAIM, ClaimPromotion, one_transaction(claim.claim)),
    MoneyCommand("withdraw", SCOPE_WITHDRAW, Withdraw, one_transaction(withdraw.withdraw)),
    MoneyCommand("cancel-withdrawal", SCOPE_WITHDRAW, CancelWithdrawal, one_transaction(withdraw.cancel)),
    MoneyCommand("set-deposit-limit", SCOPE_LIMITS, SetDepositLimit, one_transaction(limits.set_deposit_limit)),
    MoneyCommand("self-exclude", SCOPE_LIMITS, SelfExclude, one_transaction(limits.self_exclude)),
    MoneyCommand("set-favourite", SCOPE_GAMES_WRITE, SetFavourite, one_transaction(games.set_favourite)),
    MoneyCommand("launch-game", SCOPE_GAMES_WRITE, LaunchGame, one_transaction(games.launch_game)),
)
