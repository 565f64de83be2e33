"""A win that is taken back after it was spent: the missing money is owed, and no balance is ever negative."""

import pytest
from django.core.management import CommandError, call_command

from bff.commands.handlers import withdraw
from bff.commands.ledger import audit
from bff.commands.ledger.command_request import CommandRejected
from bff.commands.ledger.models import Account, GameTransaction, OutboxRow, Receipt
from bff.commands.seamless import debts
from bff.contracts.wallet import Withdraw
from tests.bff.commands.house.case_play import Table, now, open_more, uuid


def in_debt(owed=700):
    """A player who has won 1000, has 300 left of it, and then loses the win."""
    table, bet, win = Table(100), uuid(), uuid()
    table.bet(100, transaction=bet)
    table.win(1000, bet, transaction=win)
    table.bet(owed)
    answer = table.rollback(win)
    return table, answer, win


def test_rollback_of_a_spent_win_is_taken_and_the_rest_is_owed():
    """RS_OK with what is left, which is nothing; the history says why less was taken than was won."""
    table, answer, win = in_debt()
    assert (answer.status, answer.balance) == ("RS_OK", 0)
    assert (table.account("real"), table.account("debt")) == (0, -700)
    line = Receipt.objects.filter(player_id=table.player, kind="rollback").get()
    assert line.amount_minor == -300
    assert "kept from what you win next" in line.reason
    assert table.rollback(win).balance == 0
    assert table.account("debt") == -700


def test_nobody_is_shown_less_than_nothing():
    """The event that tells of it has balances from zero on."""
    table, _, _ = in_debt()
    last_event = OutboxRow.objects.filter(aggregate=f"player:{table.player}").order_by("-pk").first()
    assert '"real_minor":0' in last_event.data
    assert "-700" not in last_event.data.replace('"amount_minor":-700', "")


def test_what_games_bring_back_settles_the_debt_first():
    """A later win pays it off, its line says so, and only the rest is the player's."""
    table, _, _ = in_debt()
    bet, win = uuid(), uuid()
    table.bet(0, transaction=bet)
    assert table.win(500, bet).balance == 0
    assert table.account("debt") == -200
    assert table.win(450, bet, transaction=win).balance == 250
    assert (table.account("real"), table.account("debt")) == (250, 0)
    line = Receipt.objects.filter(player_id=table.player, kind="win").order_by("-ordinal").first()
    assert line.amount_minor == 250
    assert "settled" in line.reason
    # Taken back in its turn: everything that the player has of it, and the rest is owed again.
    assert table.rollback(win).balance == 0
    assert table.account("debt") == -200


def test_a_stake_that_comes_back_settles_it_too_so_that_the_order_of_rollbacks_does_not_matter():
    """Bet then win, or win then bet: the same accounts."""
    ends = []
    for order in (("bet", "win"), ("win", "bet")):
        table = Table(1000)
        names = {"bet": uuid(), "win": uuid()}
        table.bet(300, transaction=names["bet"])
        table.win(1000, names["bet"], transaction=names["win"])
        table.bet(1700)
        for each in order:
            table.rollback(names[each])
        ends.append((table.account("real"), table.account("debt")))
    assert ends == [(0, -700), (0, -700)]


def test_money_that_is_paid_in_is_never_kept_for_a_debt():
    """A deposit can be staked and asked back whole."""
    table, _, _ = in_debt()
    open_more(table, 1000)
    assert (table.balance(), table.account("debt")) == (1000, -700)
    body = Withdraw(400, "EUR")
    assert withdraw.withdraw(table.made_request("withdraw", body), body, now()).state == "pending"


def test_a_debt_can_be_written_off_once_a_reference():
    """The house bears it, in an account of its own; the same reference again changes nothing."""
    table, _, _ = in_debt()
    for _ in range(2):
        assert debts.write_off(table.player, "EUR", f"case-{table.player}", now()).state == "done"
    assert table.account("debt") == 0
    with pytest.raises(CommandRejected, match="nothing_owed"):
        debts.write_off(table.player, "EUR", f"other-{table.player}", now())
    assert Account.objects.filter(kind="losses", currency="EUR", player=None).exists()


def test_operators_see_debts_and_write_one_off(capsys):
    """The list names player, amount and currency; a reference is asked for."""
    table, _, _ = in_debt()
    call_command("debts")
    assert f"{table.player}: 700 EUR" in capsys.readouterr().out
    with pytest.raises(CommandError, match="--reference"):
        call_command("debts", table.player)
    call_command("debts", table.player, reference="case-9")
    call_command("debts")
    assert table.player not in capsys.readouterr().out.splitlines()[-1]
    with pytest.raises(CommandError, match="owes nothing"):
        call_command("debts", table.player, reference="case-10")


def test_the_books_are_sound_with_debts_in_them():
    """Sums are zero, and what a transaction moved is what it says."""
    assert audit.findings() == []
    for each in GameTransaction.objects.exclude(owed_minor=0):
        assert abs(each.real_minor + each.bonus_minor + each.owed_minor) <= each.amount_minor
