"""Repeated requests: after the token expired, with a fresh token, under a fresh request id."""

import pytest

from bff.commands.seamless import play
from bff.contracts.seamless import BalanceRequest, BetRequest, RollbackRequest, Status, WinRequest
from tests.bff.commands.house.case_play import Table, denied, now, open_more, uuid

EXPIRED = Status.TOKEN_EXPIRED


def call(table, path, request, refusal=None):
    return play.ProviderCall.of("sandbox", table.context, path, request, refusal)


def test_a_bet_is_answered_alike_after_its_token_expired_and_with_a_fresh_one():
    """The same transaction, under the same request or another, with another token, expired or not: RS_OK, once."""
    table = Table()
    first = BetRequest(uuid(), uuid(), "token-one", "roulette", "r1", "EUR", 1000)
    again = [
        (first, EXPIRED),
        (BetRequest(first.request_uuid, first.transaction_uuid, "token-two", "roulette", "r1", "EUR", 1000), None),
        (BetRequest(uuid(), first.transaction_uuid, "token-three", "roulette", "r1", "EUR", 1000), EXPIRED),
    ]
    answer = play.place_bet(call(table, "/transaction/bet", first), first, now())
    assert (answer.status, answer.balance) == (Status.OK, 9000)
    for request, refusal in again:
        repeated = play.place_bet(call(table, "/transaction/bet", request, refusal), request, now())
        assert replace_uuid(repeated) == replace_uuid(answer)


def replace_uuid(answer):
    return (answer.status, answer.user, answer.currency, answer.balance)


def test_a_fresh_bet_with_a_token_that_ran_out_is_denied_and_stays_denied():
    """Nothing is staked, neither then nor when the same request comes with a token that is good."""
    table = Table()
    request = BetRequest(uuid(), uuid(), "old", "roulette", "r1", "EUR", 1000)
    answer = play.place_bet(call(table, "/transaction/bet", request, EXPIRED), request, now())
    assert (answer.status, answer.balance) == (EXPIRED, 10_000)
    fresh = BetRequest(request.request_uuid, request.transaction_uuid, "new", "roulette", "r1", "EUR", 1000)
    assert play.place_bet(call(table, "/transaction/bet", fresh), fresh, now()) == answer
    late = BalanceRequest(uuid(), "old", "roulette")
    with pytest.raises(play.Denied):
        play.balance(call(table, "/user/balance", late, EXPIRED), late, now())


def test_a_denied_bet_says_the_same_balance_when_it_is_signed_again():
    """NOT_ENOUGH_MONEY carries what the player could stake, and goes on to after a deposit."""
    table = Table(100)
    first = BetRequest(uuid(), uuid(), "one", "roulette", "r1", "EUR", 500)
    answer = play.place_bet(call(table, "/transaction/bet", first), first, now())
    assert (answer.status, answer.balance, answer.currency) == (Status.NOT_ENOUGH_MONEY, 100, "EUR")
    open_more(table, 1000)
    second = BetRequest(first.request_uuid, first.transaction_uuid, "two", "roulette", "r1", "EUR", 500)
    assert play.place_bet(call(table, "/transaction/bet", second), second, now()) == answer
    assert table.balance() == 1100


def test_wins_and_rollbacks_count_once_whatever_token_they_come_with():
    """Signed again with a fresh token, a win is the same win and a rollback the same rollback."""
    table, bet, other = Table(), uuid(), uuid()
    table.bet(1000, transaction=bet)
    table.bet(1000, transaction=other)
    win, back = (uuid(), uuid()), (uuid(), uuid())
    for token in ("one", "two", "three"):
        late = WinRequest(win[0], win[1], bet, token, "roulette", "r1", "EUR", 500)
        assert play.settle_win(call(table, "/transaction/win", late, EXPIRED), late, now()).status is Status.OK
        undo = RollbackRequest(back[0], back[1], other, token, "roulette", "r1")
        assert play.roll_back(call(table, "/transaction/rollback", undo, EXPIRED), undo, now()).status is Status.OK
    assert table.balance() == 9500


def test_a_request_for_another_player_is_no_repetition():
    """The same words under the same names, for somebody else: a duplicate, and nothing moves."""
    table, stranger = Table(), Table()
    request = BetRequest(uuid(), uuid(), "t", "roulette", "r1", "EUR", 1000)
    play.place_bet(call(table, "/transaction/bet", request), request, now())
    with pytest.raises(play.Denied) as caught:
        play.place_bet(call(stranger, "/transaction/bet", request), request, now())
    assert caught.value.status is Status.DUPLICATE_TRANSACTION
    assert stranger.balance() == 10_000


def test_a_free_bet_takes_nothing_and_its_win_is_real_money():
    """Amount 0: once by its name, undone as any other, and what it wins is the player's."""
    table, bet, lost, win = Table(0), uuid(), uuid(), uuid()
    for _ in range(2):
        answer = table.bet(0, transaction=bet)
        assert (answer.status, answer.balance) == (Status.OK, 0)
    assert table.win(250, bet, transaction=win).balance == 250
    assert table.win(250, bet, transaction=win).balance == 250
    assert table.account("real") == 250
    assert table.bet(0, transaction=lost).status is Status.OK
    assert table.rollback(lost).balance == 250
    assert denied(lambda: table.win(100, lost)) is Status.TRANSACTION_ROLLED_BACK
    assert table.rollback(win).balance == 0
    assert denied(lambda: table.bet(1, transaction=bet)) is Status.DUPLICATE_TRANSACTION


@pytest.mark.parametrize(("currency", "most"), [("EUR", 10_000_000), ("JPY", 15_000_000), ("KWD", 100_000_000)])
def test_the_largest_stake_is_the_same_value_in_every_currency(currency, most):
    """100,000.00 EUR, 15,000,000 JPY and 100,000.000 KWD: no currency gains by its digits."""
    table = Table(most + 1, currency=currency)
    assert denied(lambda: table.bet(most + 1)) is Status.LIMIT_EXCEEDED
    assert table.bet(most).balance == 1


def test_an_account_in_a_currency_without_limits_stakes_nothing():
    """A currency that is in no table has no limit, and so no game."""
    table = Table(0, currency="XTS")
    assert denied(lambda: table.bet(1)) is Status.WRONG_CURRENCY
