"""Stakes and wins, as game providers ask for them: each transaction counts once, and a rollback always wins.

Public: `balance`, `place_bet`, `settle_win`, `roll_back`, and `Call` and `Denied` of `calls.py`.
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
from bff.commands.seamless.requests import Call, Denied
from bff.contracts.seamless import BalanceRequest, BetRequest, RollbackRequest, Status, WalletAnswer, WinRequest

__all__ = ["Call", "Denied", "balance", "place_bet", "roll_back", "settle_win"]


@transaction.atomic(savepoint=False)
def balance(call: Call, request: BalanceRequest, now: datetime) -> WalletAnswer:
    """What the player can stake; raises `Denied` for a token that opens nothing any more."""
    if call.refusal is not None:
        raise Denied(call.refusal)
    accounts, _ = requests.open_book(call, request, now)
    return accepted(accounts, request.request_uuid)


@transaction.atomic(savepoint=False)
def place_bet(call: Call, bet: BetRequest, now: datetime) -> WalletAnswer:
    """Take the stake: real money first, then bonus that runs. A stake of nothing is a free bet.

    A bet that is denied is remembered, so its denial is an answer and no exception: that would take the memory back.
    Wins and rollbacks are owed, so that a denied one may come again and is not remembered.
    """
    accounts, seen = requests.open_book(call, bet, now)
    if seen is not None:
        return requests.denial(accounts, bet, Status(seen.status), seen.balance_minor)
    running = expiry.still_running(accounts)
    try:
        name = requests.named(call, bet.transaction_uuid)
        if requests.known(name, accounts, bet, "bet", bet.amount_minor):
            return accepted(accounts, bet.request_uuid)
        if call.refusal is not None:
            raise Denied(call.refusal)
        moved, share = _stake(name, accounts, bet, running)
    except Denied as denied:
        return requests.remember(call, accounts, bet, denied.status)
    move(call, accounts, bet, "bet", "BetPlaced", moved, share=share)
    return accepted(accounts, bet.request_uuid)


@transaction.atomic(savepoint=False)
def settle_win(call: Call, win: WinRequest, now: datetime) -> WalletAnswer:
    """Pay what a bet brought, into the accounts the stake came from and in that proportion. 0 closes the round.

    What a free bet brought is real money.
    """
    accounts, _ = requests.open_book(call, win, now)
    name = requests.named(call, win.transaction_uuid)
    if requests.known(name, accounts, win, "win", win.amount_minor):
        return accepted(accounts, win.request_uuid)
    check_money(accounts, win.currency, win.amount_minor, least=0)
    bet = requests.referred(call, accounts, win.reference_transaction_uuid)
    if bet is None or bet.kind != "bet" or not requests.same_game(bet, win):
        raise Denied(Status.TRANSACTION_DOES_NOT_EXIST)
    if bet.rolled_back or name.forbidden:
        raise Denied(Status.TRANSACTION_ROLLED_BACK)
    staked = bet.real_minor + bet.bonus_minor
    bonus = win.amount_minor * bet.bonus_minor // staked if staked else 0
    moved = debts.given(accounts, wagering.as_it_stands(bet, Movement(win.amount_minor - bonus, bonus)))
    move(call, accounts, win, "win", "BetWon", moved, of=bet)
    return accepted(accounts, win.request_uuid)


@transaction.atomic(savepoint=False)
def roll_back(call: Call, rollback: RollbackRequest, now: datetime) -> WalletAnswer:
    """Undo a bet, a win or a prize, once. What is not known yet will be refused when it comes.

    A bet is undone by itself, also when it has won already: its win has a name of its own, and a provider who takes
    the round back sends a rollback for each. They may come in either order and are owed until they are taken, so that
    refusing the bet's until the win's has come would only make it come again; a win that is yet to come is refused.
    What was spent of a win by then is owed (`debts.py`).
    """
    accounts, _ = requests.open_book(call, rollback, now)
    if requests.known(requests.named(call, rollback.transaction_uuid), accounts, rollback, "rollback", None):
        return accepted(accounts, rollback.request_uuid)
    undone = requests.referred(call, accounts, rollback.reference_transaction_uuid)
    if undone is not None and (undone.kind == "rollback" or not requests.same_game(undone, rollback)):
        raise Denied(Status.TRANSACTION_DOES_NOT_EXIST)
    if undone is None or undone.rolled_back:
        move(call, accounts, rollback, "rollback", "", Movement(0, 0))
        return accepted(accounts, rollback.request_uuid)
    undone.rolled_back = True
    statements.update(undone, "rolled_back")
    if undone.kind == "prize":
        prizes.give_room(call.provider, undone, accounts.player.currency)
    event = {"bet": "BetRolledBack", "win": "WinRolledBack", "prize": "PrizeRolledBack"}[undone.kind]
    share = wagering.taken_back(undone)
    undoing = wagering.undoing(undone)
    moved = debts.given(accounts, undoing) if undone.kind == "bet" else debts.taken(accounts, undoing)
    move(call, accounts, rollback, "rollback", event, moved, of=undone, share=share)
    return accepted(accounts, rollback.request_uuid)


def _stake(
    name: requests.Named, accounts: PlayerAccounts, bet: BetRequest, running: list[Grant]
) -> tuple[Movement, wagering.Share | None]:
    """What the bet takes and counts; raises `Denied`. Writes nothing."""
    limits = check_money(accounts, bet.currency, bet.amount_minor, least=0)
    if bet.amount_minor > limits.stake_minor_max:
        raise Denied(Status.LIMIT_EXCEEDED)
    if excluded(accounts):
        raise Denied(Status.USER_DISABLED)
    if name.forbidden:
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
