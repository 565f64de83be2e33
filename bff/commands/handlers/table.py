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
from bff.contracts import command_names
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
    MoneyCommand(command_names.DEPOSIT, SCOPE_DEPOSIT, Deposit, deposit.deposit),
    MoneyCommand(command_names.CLAIM_PROMOTION, SCOPE_CLAIM, ClaimPromotion, one_transaction(claim.claim)),
    MoneyCommand(command_names.WITHDRAW, SCOPE_WITHDRAW, Withdraw, one_transaction(withdraw.withdraw)),
    MoneyCommand(command_names.CANCEL_WITHDRAWAL, SCOPE_WITHDRAW, CancelWithdrawal, one_transaction(withdraw.cancel)),
    MoneyCommand(
        command_names.SET_DEPOSIT_LIMIT, SCOPE_LIMITS, SetDepositLimit, one_transaction(limits.set_deposit_limit)
    ),
    MoneyCommand(command_names.SELF_EXCLUDE, SCOPE_LIMITS, SelfExclude, one_transaction(limits.self_exclude)),
    MoneyCommand(command_names.SET_FAVOURITE, SCOPE_GAMES_WRITE, SetFavourite, one_transaction(games.set_favourite)),
    MoneyCommand(command_names.LAUNCH_GAME, SCOPE_GAMES_WRITE, LaunchGame, one_transaction(games.launch_game)),
)
