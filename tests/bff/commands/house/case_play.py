"""Bets, wins and rollbacks, directly in the engine."""

import secrets
from datetime import UTC, datetime

import pytest

from bff.commands.handlers import withdraw
from bff.commands.handlers.deposit import begin
from bff.commands.ledger import audit
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.models import Account, Entry, Receipt
from bff.commands.management.commands.seed_demo import open_balance
from bff.commands.payments.charges import settle
from bff.commands.payments.outcome import ChargeOutcome
from bff.commands.seamless import play
from bff.contracts.player_context import PlayerContext
from bff.contracts.seamless import BalanceRequest, BetRequest, RollbackRequest, Status, WinRequest
from bff.contracts.wallet import CancelWithdrawal, Deposit, Withdraw


def now():
    return datetime.now(UTC)


def uuid():
    return secrets.token_hex(8)


class Table:
    """One player at one table."""

    def __init__(self, opening=10_000, currency="EUR"):
        self.game = "roulette"
        self.player = f"pl_{secrets.token_hex(5)}"
        self.currency = currency
        if opening:
            open_balance(self.player, currency, opening)

    @property
    def context(self):
        return PlayerContext(self.player, "game:roulette", self.currency, "en", frozenset({"games.play"}), 2**40)

    def call(self, path, request):
        return play.ProviderCall.of("sandbox", self.context, path, request)

    def bet(self, amount, *, transaction=None, round_id="r1", request=None, currency=None):
        made_request = BetRequest(
            request or uuid(), transaction or uuid(), "t", self.game, round_id, currency or self.currency, amount
        )
        return play.place_bet(self.call("/transaction/bet", made_request), made_request, now())

    def win(self, amount, reference, *, transaction=None, round_id="r1", currency=None):
        made_request = WinRequest(
            uuid(), transaction or uuid(), reference, "t", self.game, round_id, currency or self.currency, amount
        )
        return play.settle_win(self.call("/transaction/win", made_request), made_request, now())

    def rollback(self, reference, *, transaction=None, round_id="r1"):
        made_request = RollbackRequest(uuid(), transaction or uuid(), reference, "t", self.game, round_id)
        return play.roll_back(self.call("/transaction/rollback", made_request), made_request, now())

    def balance(self):
        made_request = BalanceRequest(uuid(), "t", "roulette")
        return play.balance(self.call("/user/balance", made_request), made_request, now()).balance

    def made_request(self, command, body, key=None):
        return CommandRequest.of(self.player, self.currency, command, key or uuid(), body)

    def account(self, kind):
        return Account.objects.get(player_id=self.player, kind=kind).balance_minor


def open_more(table, amount):
    """A deposit that is approved at once."""
    body = Deposit(amount, table.currency)
    receipt, _ = begin(table.made_request("deposit", body), body, now())
    settle(receipt.receipt_id, ChargeOutcome("approved"), now())


def denied(act):
    """The reason of a denial: it is a bet's answer, and raised for money that is due to a player."""
    try:
        answer = act()
    except play.Denied as error:
        return error.status
    assert answer.status is not Status.OK
    return answer.status


def test_bet_win_and_rollback_move_the_balance():
    """A stake goes, a win comes, a rollback undoes."""
    table, bet = Table(), uuid()
    assert table.bet(1000, transaction=bet).balance == 9000
    assert table.win(3500, bet).balance == 12500
    assert table.rollback(bet).balance == 13500
    assert [r.kind for r in Receipt.objects.filter(player_id=table.player).order_by("ordinal")] == [
        "opening", "bet", "win", "rollback",
    ]  # fmt: skip


def test_each_transaction_counts_once():
    """The same transaction again is answered with the same and moves nothing."""
    table, bet, win, back = Table(), uuid(), uuid(), uuid()
    for _ in range(3):
        assert table.bet(100, transaction=bet).status is Status.OK
        assert table.win(50, bet, transaction=win).status is Status.OK
    assert table.balance() == 9950
    other = uuid()
    table.bet(300, transaction=other)
    for _ in range(3):
        assert table.rollback(other, transaction=back).status is Status.OK
    assert table.rollback(other).status is Status.OK
    assert table.balance() == 9950


def test_another_transaction_under_a_used_name_is_a_duplicate():
    """A name belongs to one amount, round, kind and player."""
    table, bet = Table(), uuid()
    table.bet(100, transaction=bet)
    assert denied(lambda: table.bet(101, transaction=bet)) is Status.DUPLICATE_TRANSACTION
    assert denied(lambda: table.bet(100, transaction=bet, round_id="r2")) is Status.DUPLICATE_TRANSACTION
    assert denied(lambda: table.win(100, bet, transaction=bet)) is Status.DUPLICATE_TRANSACTION
    assert denied(lambda: Table().bet(100, transaction=bet)) is Status.DUPLICATE_TRANSACTION
    assert table.balance() == 9900


def test_a_request_uuid_carries_one_request():
    """A request that was heard before can not come back with other contents."""
    table, request = Table(), uuid()
    table.bet(100, request=request)
    assert denied(lambda: table.bet(100, request=request)) is Status.DUPLICATE_TRANSACTION


def test_rollback_before_its_bet_is_a_tombstone():
    """The bet that comes after its rollback is refused, for ever."""
    table, bet = Table(), uuid()
    assert table.rollback(bet).balance == 10_000
    for _ in range(2):
        assert denied(lambda: table.bet(100, transaction=bet)) is Status.TRANSACTION_ROLLED_BACK
    assert table.balance() == 10_000


def test_bet_after_rollback_and_win_on_it_are_refused():
    """What was undone stays undone."""
    table, bet = Table(), uuid()
    table.bet(100, transaction=bet)
    table.rollback(bet)
    assert denied(lambda: table.bet(100, transaction=bet)) is Status.TRANSACTION_ROLLED_BACK
    assert denied(lambda: table.win(500, bet)) is Status.TRANSACTION_ROLLED_BACK
    assert table.balance() == 10_000


def test_win_without_its_bet_does_not_exist():
    """A win belongs to a bet of the same player and round."""
    table, bet = Table(), uuid()
    assert denied(lambda: table.win(500, uuid())) is Status.TRANSACTION_DOES_NOT_EXIST
    table.bet(100, transaction=bet)
    assert denied(lambda: table.win(500, bet, round_id="r2")) is Status.TRANSACTION_DOES_NOT_EXIST
    assert denied(lambda: Table().win(500, bet)) is Status.INVALID_TOKEN


def test_a_transaction_belongs_to_one_round_of_one_game():
    """From another game or round a win or a rollback refers to nothing, and the same name is a duplicate."""
    table, bet, win, back = Table(), uuid(), uuid(), uuid()
    table.bet(100, transaction=bet)
    table.win(30, bet, transaction=win)
    assert denied(lambda: table.rollback(bet, round_id="r2")) is Status.TRANSACTION_DOES_NOT_EXIST
    table.game = "blackjack"
    assert denied(lambda: table.win(500, bet)) is Status.TRANSACTION_DOES_NOT_EXIST
    for reference in (bet, win):
        assert denied(lambda reference=reference: table.rollback(reference)) is Status.TRANSACTION_DOES_NOT_EXIST
    assert denied(lambda: table.bet(100, transaction=bet)) is Status.DUPLICATE_TRANSACTION
    assert denied(lambda: table.win(30, bet, transaction=win)) is Status.DUPLICATE_TRANSACTION
    table.game = "roulette"
    assert table.rollback(bet, transaction=back).balance == 10_030
    table.game = "blackjack"
    assert denied(lambda: table.rollback(bet, transaction=back)) is Status.DUPLICATE_TRANSACTION
    assert denied(lambda: table.rollback(bet)) is Status.TRANSACTION_DOES_NOT_EXIST


def test_win_can_be_rolled_back_after_its_money_was_spent():
    """Undoing a win never makes a balance negative; what is short comes out of the next win."""
    table, bet, win = Table(1000), uuid(), uuid()
    table.bet(1000, transaction=bet)
    table.win(400, bet, transaction=win)
    table.bet(300)
    assert table.rollback(win).balance == 0
    assert table.win(350, bet).balance == 50


@pytest.mark.parametrize(
    ("amount", "status"),
    [
        (10_001, Status.NOT_ENOUGH_MONEY),
        (-5, Status.WRONG_TYPES),
        (10**12, Status.WRONG_TYPES),
        (20_000_000, Status.LIMIT_EXCEEDED),
    ],
)
def test_stakes_that_can_not_be_placed(amount, status):
    """Too much, nothing, less than nothing and absurd amounts are told apart; the ledger stays untouched."""
    table = Table()
    entries = Entry.objects.filter(account__player_id=table.player).count()
    assert denied(lambda: table.bet(amount)) is status
    assert Entry.objects.filter(account__player_id=table.player).count() == entries


def test_wrong_currency_is_refused():
    """Money is never converted."""
    table = Table()
    assert denied(lambda: table.bet(10, currency="GBP")) is Status.WRONG_CURRENCY


def test_a_round_that_brought_nothing_is_closed_without_an_entry():
    """A win of zero is taken, once, and is no line of the history."""
    table, bet = Table(), uuid()
    table.bet(100, transaction=bet)
    lines = Receipt.objects.filter(player_id=table.player).count()
    assert table.win(0, bet).balance == 9900
    assert Receipt.objects.filter(player_id=table.player).count() == lines


def test_withdrawal_is_held_then_paid_released_or_taken_back():
    """Held money can not be staked; each hold ends once."""
    table = Table()

    def hold(amount):
        body = Withdraw(amount, "EUR")
        return withdraw.withdraw(table.made_request("withdraw", body), body, now())

    first, second, third = hold(1000), hold(2000), hold(3000)
    assert (table.account("real"), table.account("held")) == (4000, 6000)
    assert denied(lambda: table.bet(4001)) is Status.NOT_ENOUGH_MONEY
    assert withdraw.pay(first.receipt_id, now()).state == "done"
    assert withdraw.release(second.receipt_id, "Your bank sent it back.", now()).reason == "Your bank sent it back."
    body = CancelWithdrawal(third.receipt_id)
    made_request = table.made_request("cancel-withdrawal", body)
    assert withdraw.cancel(made_request, body, now()).amount_minor == 3000
    assert withdraw.cancel(made_request, body, now()).amount_minor == 3000
    for receipt in (first, second, third):
        with pytest.raises(CommandRejected) as caught:
            withdraw.pay(receipt.receipt_id, now())
        assert caught.value.code == "withdrawal_decided"
    assert (table.account("real"), table.account("held")) == (9000, 0)
    with pytest.raises(CommandRejected) as caught:
        hold(9001)
    assert caught.value.code == "not_enough_money"


def test_the_books_are_sound_after_all_this():
    """Sums are zero, balances are what entries say, and every hold has its withdrawal."""
    assert audit.findings() == []
