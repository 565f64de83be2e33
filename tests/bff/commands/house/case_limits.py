"""The limits and breaks that players have set for themselves."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from bff.commands.handlers import limits, withdraw
from bff.commands.handlers.deposit import begin
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.models import Player as PlayerRow
from bff.commands.payments.charges import settle
from bff.commands.payments.outcome import ChargeOutcome
from bff.contracts.seamless import Status
from bff.contracts.wallet import Deposit, SelfExclude, SetDepositLimit, Withdraw
from tests.bff.commands.house.case_play import Table, denied
from tests.bff.commands.house.case_wagering import Player, now, uuid

SECOND = timedelta(seconds=1)


def set_limit(player, period, amount, at):
    wanted = SetDepositLimit(period, amount, "EUR")
    return limits.set_deposit_limit(CommandRequest.of(player, "EUR", "set-deposit-limit", uuid(), wanted), wanted, at)


def deposited(player, amount, at):
    """The result of a deposit of this amount: `done`, or the reason of its refusal."""
    body = Deposit(amount, "EUR")
    try:
        receipt, _ = begin(CommandRequest.of(player, "EUR", "deposit", uuid(), body), body, at)
    except CommandRejected as refused:
        return refused.code
    return settle(receipt.receipt_id, ChargeOutcome("approved"), at).state


@pytest.mark.parametrize(("period", "days"), [("day", 1), ("week", 7), ("month", 30)])
def test_a_deposit_limit_holds_within_every_window_of_its_length(period, days):
    """What was deposited counts to the second for the whole of the period, and each deposit for itself."""
    player, start = f"pl_{uuid()}", now()
    later, span = start + timedelta(hours=5), timedelta(days=days)
    set_limit(player, period, 1000, start)
    assert deposited(player, 600, start) == "done"
    assert deposited(player, 400, later) == "done"
    over = "deposit_limit_reached"
    assert deposited(player, 1, later) == over
    assert deposited(player, 1, start + span - SECOND) == over
    assert deposited(player, 601, start + span) == over, "the second one counts still"
    assert deposited(player, 600, start + span) == "done"
    assert deposited(player, 1, later + span - SECOND) == over
    assert deposited(player, 400, later + span) == "done"


def test_the_strictest_of_several_limits_holds():
    """A day's room does not help where the month's is used up."""
    player, start = f"pl_{uuid()}", now()
    set_limit(player, "day", 500, start)
    set_limit(player, "month", 800, start)
    assert deposited(player, 500, start) == "done"
    assert deposited(player, 1, start) == "deposit_limit_reached"
    day = start + timedelta(days=1)
    assert deposited(player, 301, day) == "deposit_limit_reached"
    assert deposited(player, 300, day) == "done"
    assert deposited(player, 1, start + timedelta(days=29)) == "deposit_limit_reached"


def test_a_limit_that_was_lifted_holds_until_it_has_cooled_off_and_then_not_at_all():
    """A day after the wish there is room for any amount."""
    player, start = f"pl_{uuid()}", now()
    set_limit(player, "day", 500, start)
    set_limit(player, "day", None, start)
    assert deposited(player, 501, start) == "deposit_limit_reached"
    assert deposited(player, 501, start + timedelta(days=1)) == "done"


def test_excluded_players_get_no_bonus_until_their_break_is_over():
    """Neither by a claim nor by hand; a bonus from before is not played on, and all of it goes on afterwards."""
    player = Player(opening=1000)
    before = player.claim()
    wanted = SelfExclude(days=1)
    limits.self_exclude(CommandRequest.of(player.player, "EUR", "self-exclude", uuid(), wanted), wanted, now())
    with pytest.raises(CommandRejected) as caught:
        player.claim()
    assert caught.value.code == "player_excluded"
    with pytest.raises(CommandError, match="on a break"):
        call_command("grant_bonus", player.player, "500", "--reference", "sorry")
    assert str(player.bet(100)) == "RS_ERROR_USER_DISABLED"
    assert deposited(player.player, 100, now()) == "player_excluded"
    assert (player.accounts(), player.grant(before).wagered_minor) == ((1000, 1000), 0)
    PlayerRow.objects.filter(pk=player.player).update(excluded_until=now() - SECOND)
    player.claim()
    call_command("grant_bonus", player.player, "500", "--reference", "sorry")
    player.bet(100)
    assert (player.accounts(), player.grant(before).wagered_minor) == ((900, 2500), 100)


def test_excluded_players_can_not_stake_but_withdraw():
    """Self-exclusion closes every way in and leaves the way out open."""
    table, bet = Table(), uuid()
    table.bet(100, transaction=bet)
    wanted = SelfExclude(days=7)
    limits.self_exclude(table.made_request("self-exclude", wanted), wanted, now())
    assert denied(lambda: table.bet(100)) is Status.USER_DISABLED
    assert table.win(50, bet).status is Status.OK
    body = Deposit(100, "EUR")
    with pytest.raises(CommandRejected) as caught:
        begin(table.made_request("deposit", body), body, now())
    assert caught.value.code == "player_excluded"
    out = Withdraw(9950, "EUR")
    assert withdraw.withdraw(table.made_request("withdraw", out), out, now()).state == "pending"
    shorter = SelfExclude(days=1)
    limits.self_exclude(table.made_request("self-exclude", shorter), shorter, now() + timedelta(days=1))
    assert denied(lambda: table.bet(100)) is Status.USER_DISABLED


def test_deposit_limit_counts_what_is_pending_and_rises_after_a_day():
    """Less counts at once, more after a day, and a deposit over it is refused before anybody is charged."""
    table = Table(0)

    def set_limit(amount, at):
        wanted = SetDepositLimit("day", amount, "EUR")
        return limits.set_deposit_limit(table.made_request("set-deposit-limit", wanted), wanted, at)

    def deposit(amount, at, verdict="approved"):
        body = Deposit(amount, "EUR")
        receipt, _ = begin(table.made_request("deposit", body), body, at)
        return settle(receipt.receipt_id, ChargeOutcome(verdict), at).state

    start = now()
    assert set_limit(1000, start).state == "done"
    assert deposit(600, start, "processing") == "pending"
    with pytest.raises(CommandRejected) as caught:
        deposit(401, start)
    assert caught.value.code == "deposit_limit_reached"
    assert deposit(400, start, "declined") == "declined"
    assert deposit(400, start) == "done"
    assert set_limit(5000, start).state == "pending"
    with pytest.raises(CommandRejected):
        deposit(1, start + timedelta(hours=23))
    assert deposit(3000, start + timedelta(hours=23, minutes=59, days=1)) == "done"
    assert set_limit(100, start).state == "done"
