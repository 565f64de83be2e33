"""Denied requests: a bet stays denied under its request id, a payment to the player is taken once the reason
is gone."""

import pytest
from django.db import OperationalError

from bff.commands.seamless import movements, play
from bff.contracts.seamless import RollbackRequest, Status, WinRequest
from tests.bff.commands.house.case_play import Table, denied, now, open_more, uuid


def test_a_denied_bet_stays_denied_under_its_request():
    """Whatever has come since; a new attempt under a request of its own is looked at anew."""
    table, bet, request, other = Table(100), uuid(), uuid(), uuid()
    assert denied(lambda: table.bet(500, transaction=bet, request=request)) is Status.NOT_ENOUGH_MONEY
    assert denied(lambda: table.bet(500, currency="GBP", request=other)) is Status.WRONG_CURRENCY
    open_more(table, 1000)
    for _ in range(2):
        assert denied(lambda: table.bet(500, transaction=bet, request=request)) is Status.NOT_ENOUGH_MONEY
    assert denied(lambda: table.bet(501, transaction=bet, request=request)) is Status.DUPLICATE_TRANSACTION
    assert table.balance() == 1100
    assert table.bet(500, transaction=bet).balance == 600
    assert table.bet(500, transaction=bet).balance == 600


def test_a_denied_win_or_rollback_may_come_again():
    """It is owed: the same request is taken once the reason is gone."""
    table, bet, win, back = Table(1000), uuid(), uuid(), uuid()
    request = WinRequest(uuid(), win, bet, "t", "roulette", "r1", "EUR", 400)
    undo = RollbackRequest(uuid(), back, win, "t", "roulette", "r2")

    def settle_win():
        return play.settle_win(table.call("/transaction/win", request), request, now())

    def roll_back():
        return play.roll_back(table.call("/transaction/rollback", undo), undo, now())

    assert denied(settle_win) is Status.TRANSACTION_DOES_NOT_EXIST
    table.bet(1000, transaction=bet)
    assert settle_win().balance == 400
    assert denied(roll_back) is Status.TRANSACTION_DOES_NOT_EXIST
    assert denied(roll_back) is Status.TRANSACTION_DOES_NOT_EXIST


def test_what_fails_for_a_technical_reason_is_not_remembered(monkeypatch):
    """A database that breaks in the middle leaves the request as if it had never come."""
    table, bet, request = Table(), uuid(), uuid()

    def broken(*_, **__):
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(movements.outbox, "append", broken)
        with pytest.raises(OperationalError):
            table.bet(500, transaction=bet, request=request)
    assert table.bet(500, transaction=bet, request=request).balance == 9500
