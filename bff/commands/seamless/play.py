"""Bets, wins and rollbacks of game providers: each transaction is applied once, and a rollback always succeeds.

Public: `balance`, `place_bet`, `settle_win`, `roll_back`, and `ProviderCall` and `Denied` of `requests.py`.
"""

from datetime import datetime

from django.db import transaction

from bff.commands.bonuses import expiry, wagering
from bff.commands.engine import statements
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import Grant
from bff.commands.ledger.movement import Movement
from bff.commands.ledger.player_limits import excluded
from bff.commands.seamless import debts, prizes, requests
from bff.commands.seamless.movements import accepted, check_money, move
from bff.commands.seamless.requests import Denied, ProviderCall
from bff.contracts.seamless import BalanceRequest, BetRequest, RollbackRequest, Status, WalletAnswer, WinRequest

__all__ = ["Denied", "ProviderCall", "balance", "place_bet", "roll_back", "settle_win"]


@transaction.atomic(savepoint=False)
def balance(call: ProviderCall, request: BalanceRequest, now: datetime) -> WalletAnswer:
    """The amount that the player can stake; raises `Denied` for a token that is no longer valid."""
    if call.refusal is not None:
        raise Denied(call.refusal)
    accounts, _ = requests.open_request(call, request, now)
    return accepted(accounts, request.request_uuid)


@transaction.atomic(savepoint=False)
def place_bet(call: ProviderCall, bet: BetRequest, now: datetime) -> WalletAnswer:
    """Take the stake: real money first, then bonus that runs. A stake of nothing is a free bet.

    A bet that is denied is stored as denied, so its denial is an answer and no exception: that would undo the storing.
    Wins and rollbacks are owed, so that a denied one may come again and is not stored.
    """
    accounts, earlier = requests.open_request(call, bet, now)
    if earlier is not None:
        return requests.denial_answer(accounts, bet, Status(earlier.status), earlier.balance_minor)
    running = expiry.running_after_expiry(accounts)
    try:
        found = requests.find(call, bet.transaction_uuid)
        if requests.already_applied(found, accounts, bet, "bet", bet.amount_minor):
            return accepted(accounts, bet.request_uuid)
        if call.refusal is not None:
            raise Denied(call.refusal)
        movement, share = _stake(found, accounts, bet, running)
    except Denied as denied:
        return requests.store_denial(call, accounts, bet, denied.status)
    move(call, accounts, bet, "bet", "BetPlaced", movement, share=share)
    return accepted(accounts, bet.request_uuid)


@transaction.atomic(savepoint=False)
def settle_win(call: ProviderCall, win: WinRequest, now: datetime) -> WalletAnswer:
    """Pay what a bet brought, into the accounts the stake came from and in that proportion. 0 closes the round.

    What a free bet brought is real money.
    """
    accounts, _ = requests.open_request(call, win, now)
    found = requests.find(call, win.transaction_uuid)
    if requests.already_applied(found, accounts, win, "win", win.amount_minor):
        return accepted(accounts, win.request_uuid)
    check_money(accounts, win.currency, win.amount_minor, least=0)
    bet = requests.referenced(call, accounts, win.reference_transaction_uuid)
    if bet is None or bet.kind != "bet" or not requests.same_game(bet, win):
        raise Denied(Status.TRANSACTION_DOES_NOT_EXIST)
    if bet.rolled_back or found.rolled_back_first:
        raise Denied(Status.TRANSACTION_ROLLED_BACK)
    staked = bet.real_minor + bet.bonus_minor
    bonus = win.amount_minor * bet.bonus_minor // staked if staked else 0
    movement = debts.split_credit(accounts, wagering.follow_bonus(bet, Movement(win.amount_minor - bonus, bonus)))
    move(call, accounts, win, "win", "BetWon", movement, of=bet)
    return accepted(accounts, win.request_uuid)


@transaction.atomic(savepoint=False)
def roll_back(call: ProviderCall, rollback: RollbackRequest, now: datetime) -> WalletAnswer:
    """Roll back a bet, a win or a prize, once. A transaction that arrives after its rollback is refused.

    A bet is undone by itself, also when it has won already: its win has an id of its own, and a provider who takes
    the round back sends a rollback for each. They may come in either order and are owed until they are taken, so that
    refusing the bet's until the win's has come would only make it come again; a win that is yet to come is refused.
    What was spent of a win by then is owed (`debts.py`).
    """
    accounts, _ = requests.open_request(call, rollback, now)
    if requests.already_applied(requests.find(call, rollback.transaction_uuid), accounts, rollback, "rollback", None):
        return accepted(accounts, rollback.request_uuid)
    undone = requests.referenced(call, accounts, rollback.reference_transaction_uuid)
    if undone is not None and (undone.kind == "rollback" or not requests.same_game(undone, rollback)):
        raise Denied(Status.TRANSACTION_DOES_NOT_EXIST)
    if undone is None or undone.rolled_back:
        move(call, accounts, rollback, "rollback", "", Movement(0, 0))
        return accepted(accounts, rollback.request_uuid)
    undone.rolled_back = True
    statements.update(undone, "rolled_back")
    if undone.kind == "prize":
        prizes.release_day_limit(call.provider, undone, accounts.player.currency)
    event = {"bet": "BetRolledBack", "win": "WinRolledBack", "prize": "PrizeRolledBack"}[undone.kind]
    share = wagering.share_to_undo(undone)
    reversal = wagering.reversal_of(undone)
    movement = debts.split_credit(accounts, reversal) if undone.kind == "bet" else debts.split_debit(accounts, reversal)
    move(call, accounts, rollback, "rollback", event, movement, of=undone, share=share)
    return accepted(accounts, rollback.request_uuid)


def _stake(
    found: requests.FoundTransaction, accounts: PlayerAccounts, bet: BetRequest, running: list[Grant]
) -> tuple[Movement, wagering.Share | None]:
    """The movement of the bet and its share of a bonus's wagering; raises `Denied`. Writes nothing."""
    limits = check_money(accounts, bet.currency, bet.amount_minor, least=0)
    if bet.amount_minor > limits.stake_minor_max:
        raise Denied(Status.LIMIT_EXCEEDED)
    if excluded(accounts):
        raise Denied(Status.USER_DISABLED)
    if found.rolled_back_first:
        raise Denied(Status.TRANSACTION_ROLLED_BACK)
    real = min(accounts.balance("real"), bet.amount_minor)
    bonus = bet.amount_minor - real
    try:
        share = wagering.share_of(running, bet, bonus_minor=bonus)
    except wagering.StakeTooLarge as error:
        raise Denied(Status.LIMIT_EXCEEDED) from error
    if bonus > (accounts.balance("bonus") if running else 0):
        raise Denied(Status.NOT_ENOUGH_MONEY)
    return Movement(-real, -bonus), share
