"""The money that a provider's transaction moves, and the one function that posts and stores it.

Public: `move`, `check_money`, `accepted`.
"""

from typing import Literal

from bff.commands.bonuses import wagering
from bff.commands.engine import statements
from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import NotEnough, PlayerAccounts
from bff.commands.ledger.command_request import CommandRequest
from bff.commands.ledger.currencies import CurrencyLimits, limits_of
from bff.commands.ledger.models import GameTransaction, Receipt
from bff.commands.ledger.movement import Movement
from bff.commands.seamless.requests import Denied, ProviderCall, TransactionRequest
from bff.contracts.command_names import GIVE_PRIZE, PLACE_BET, ROLL_BACK, SETTLE_WIN
from bff.contracts.seamless import Status, WalletAnswer

Kind = Literal["bet", "win", "prize", "rollback"]

_COMMANDS = {"bet": PLACE_BET, "win": SETTLE_WIN, "prize": GIVE_PRIZE, "rollback": ROLL_BACK}
_FORFEITED = "The bonus that this was staked from had ended, so its part went with it."
_SETTLED = "A part of it settled what an earlier win, since taken back, had left open."
_OWED = "The win had been spent already; the rest of it is kept from what you win next."


def check_money(accounts: PlayerAccounts, currency: str, amount_minor: int, *, least: int) -> CurrencyLimits:
    """The limits of the account's currency; raises `Denied` for another currency, or an amount that is none."""
    limits = limits_of(accounts.player.currency)
    if currency != accounts.player.currency or limits is None:
        raise Denied(Status.WRONG_CURRENCY)
    if not least <= amount_minor <= limits.amount_minor_max:
        raise Denied(Status.WRONG_TYPES)
    return limits


def accepted(accounts: PlayerAccounts, request_uuid: str) -> WalletAnswer:
    """RS_OK with what the player can stake."""
    return WalletAnswer(
        Status.OK, request_uuid, accounts.player.player_id, accounts.player.currency, accounts.stakeable
    )


def move(
    call: ProviderCall,
    accounts: PlayerAccounts,
    request: TransactionRequest,
    kind: Kind,
    event: str,
    movement: Movement,
    *,
    of: GameTransaction | None = None,
    share: wagering.Share | None = None,
) -> None:
    """Post the movement and store the transaction. `of` is the one it belongs to: its bonus and house account count."""
    is_prize = kind == "prize" or (of is not None and of.kind == "prize")
    receipt = (
        _post(call, accounts, request.transaction_uuid, kind, movement, is_prize=is_prize) if any(movement) else None
    )
    _store(call, accounts, request, kind, movement, of, share, receipt)
    if receipt is not None:
        counted = share is not None and share.wagered_minor != 0
        if share is not None and counted:
            wagering.apply_share(accounts, share, receipt)
        outbox.append(accounts, event, [receipt], claims_changed=counted)


def _store(
    call: ProviderCall,
    accounts: PlayerAccounts,
    request: TransactionRequest,
    kind: Kind,
    movement: Movement,
    of: GameTransaction | None,
    share: wagering.Share | None,
    receipt: Receipt | None,
) -> None:
    statements.insert_values(
        GameTransaction,
        {
            "provider": call.provider,
            "transaction_uuid": request.transaction_uuid,
            "kind": kind,
            "player_id": accounts.player.player_id,
            "reference_uuid": getattr(request, "reference_transaction_uuid", ""),
            "game_code": request.game_code,
            "round": request.round,
            "amount_minor": abs(sum(movement)),
            "real_minor": movement.real_minor,
            "bonus_minor": movement.bonus_minor,
            "owed_minor": movement.owed_minor,
            "prize": getattr(request, "kind", ""),
            "rolled_back": False,
            "receipt_id": receipt and receipt.pk,
            "at": accounts.now,
            "grant_id": share.grant.pk if share else of and of.grant_id,
            "wagered_minor": share.wagered_minor if share else 0,
        },
    )


def _post(
    call: ProviderCall,
    accounts: PlayerAccounts,
    transaction_uuid: str,
    kind: Kind,
    movement: Movement,
    *,
    is_prize: bool,
) -> Receipt:
    player = call.player
    key = f"{call.provider}:{transaction_uuid}"
    request = CommandRequest(player.player, player.currency, _COMMANDS[kind], key, call.fingerprint)
    theirs = movement.real_minor + movement.bonus_minor
    shown = theirs != 0 or movement.owed_minor != 0
    receipt = receipts.write(
        accounts, request, kind=kind, state="done", amount_minor=theirs, reason=_reason(movement), in_history=shown
    )
    lines = {"real": movement.real_minor, "bonus": movement.bonus_minor, "debt": movement.owed_minor}
    house: Literal["prizes", "games"] = "prizes" if is_prize else "games"
    try:
        accounts.post(kind, receipt, lines, house, forfeited_minor=movement.forfeited_minor)
    except NotEnough as error:
        raise Denied(Status.NOT_ENOUGH_MONEY) from error
    return receipt


def _reason(movement: Movement) -> str:
    """A sentence for the player where not all of it came or went."""
    if movement.owed_minor:
        return _SETTLED if movement.owed_minor > 0 else _OWED
    return _FORFEITED if movement.forfeited_minor > 0 else ""
