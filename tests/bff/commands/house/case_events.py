"""The events of a player for the read side: pending money, limits, months of the history."""

import secrets
from datetime import UTC, datetime

import msgspec
from django.db import transaction

from bff.commands.engine.policy import RELAY
from bff.commands.handlers import limits, withdraw
from bff.commands.ledger import outbox
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRequest
from bff.commands.ledger.models import OutboxRow, Player
from bff.commands.ledger.statement import state_part
from bff.commands.management.commands.seed_demo import open_balance
from bff.commands.relay import comparison
from bff.commands.relay.places import Places
from bff.commands.relay.rebuild import append_player
from bff.contracts.history import KindTotals, month_of
from bff.contracts.ledger import BALANCES_STATED, HISTORY_RESTATED, PLAYER_RESTATED, BalancesStated, PlayerChanged
from bff.contracts.wallet import CancelWithdrawal, SetDepositLimit, Withdraw

# A relay that sends everything.
ONE = Places.of(frozenset({0}), 1)


def do(act, player, command, body):
    made_request = CommandRequest.of(player, "EUR", command, secrets.token_hex(8), body)
    return act(made_request, body, datetime.now(UTC))


def last_event(player):
    row = OutboxRow.objects.filter(aggregate=f"player:{player}").order_by("pk").last()
    return msgspec.json.decode(row.data, type=PlayerChanged)


def opened():
    player = f"pl_{secrets.token_hex(5)}"
    open_balance(player, "EUR", 10_000)
    return player


def test_event_holds_all_that_waits_and_the_answers_that_are_no_line():
    """A reader needs no rule of the ledger to know what is pending, and can read the receipt of a cancellation."""
    player = opened()
    first = do(withdraw.withdraw, player, "withdraw", Withdraw(1000, "EUR"))
    second = do(withdraw.withdraw, player, "withdraw", Withdraw(500, "EUR"))
    assert [line.receipt.receipt_id for line in last_event(player).pending] == [second.receipt_id, first.receipt_id]
    answer = do(withdraw.cancel, player, "cancel-withdrawal", CancelWithdrawal(first.receipt_id))
    event = last_event(player)
    assert [line.receipt.receipt_id for line in event.pending] == [second.receipt_id]
    assert [receipt.receipt_id for receipt in event.answers] == [answer.receipt_id]
    answer = do(limits.set_deposit_limit, player, "set-deposit-limit", SetDepositLimit("day", 700, "EUR"))
    event = last_event(player)
    assert (event.lines, event.pending, event.answers[0].receipt_id) == ([], None, answer.receipt_id)


def test_statement_speaks_of_months_pending_items_and_limits():
    """The ledger's own word covers all that the read side shows, counted by the database itself."""
    player = opened()
    held = do(withdraw.withdraw, player, "withdraw", Withdraw(1000, "EUR"))
    do(limits.set_deposit_limit, player, "set-deposit-limit", SetDepositLimit("week", 900, "EUR"))
    now = datetime.now(UTC)
    # The part that begins right before this player.
    state_part("run", 0, player[:-1], now, 1)
    row = OutboxRow.objects.filter(type=BALANCES_STATED).order_by("pk").last()
    stands = msgspec.json.decode(row.data, type=BalancesStated).players
    mine = next(each for each in stands if each.player == player)
    assert (mine.real_minor, mine.held_minor, mine.pending) == (9000, 1000, [held.receipt_id])
    assert mine.months == {month_of(now): {"opening": KindTotals(1, 10_000, 0), "withdrawal": KindTotals(1, 0, 0)}}
    assert mine.limits.deposit[0].amount_minor == 900


def test_a_statement_of_nobody_is_no_event():
    """Behind the last player there is nothing to state, and nothing goes out."""
    before = OutboxRow.objects.count()
    assert state_part("run", 0, "pl_zzzzzzzzzzzz", datetime.now(UTC), 1) == ("pl_zzzzzzzzzzzz", 0)
    assert OutboxRow.objects.count() == before


def test_the_rolling_comparison_states_those_of_whom_all_has_gone_out():
    """Round by round everybody, a bounded number at once; who is on the way out is left to the next round."""
    players = [opened() for _ in range(3)]
    OutboxRow.objects.filter(published_at__isnull=True).update(published_at=datetime.now(UTC))
    do(limits.set_deposit_limit, players[0], "set-deposit-limit", SetDepositLimit("day", 700, "EUR"))
    stated, after, most = [], "", 0
    while True:
        after, stands = comparison.state_next(after, ONE)
        if not after:
            break
        stated += [each.player for each in stands]
        most = max(most, len(stands))
    assert set(stated) == {*Player.objects.values_list("pk", flat=True)} - {players[0]}
    assert len(stated) == len(set(stated))
    assert most <= RELAY.compare_players_max


def test_a_long_history_is_stated_alone():
    """What one part costs is bounded by lines too, and somebody who has more of them than that is not left out."""
    player = opened()
    OutboxRow.objects.filter(published_at__isnull=True).update(published_at=datetime.now(UTC))
    Player.objects.filter(pk=player).update(lines=RELAY.compare_lines_max + 1)
    after, stands = comparison.state_next(player[:-1], ONE)
    assert (after, [each.player for each in stands]) == (player, [player])
    assert (stands[0].lines, stands[0].claimed) == (RELAY.compare_lines_max + 1, {})
    Player.objects.filter(pk=player).update(lines=1)


def test_a_long_history_goes_out_in_parts_and_whole(monkeypatch):
    """However many rows are in memory together, the same pages come before the same state."""
    player, event = opened(), []
    do(limits.set_deposit_limit, player, "set-deposit-limit", SetDepositLimit("day", 700, "EUR"))
    for at_once in (100, 1):
        monkeypatch.setattr(outbox, "_ROWS_AT_ONCE", at_once)
        before = OutboxRow.objects.order_by("pk").last().pk
        with transaction.atomic():
            outbox.restate(PlayerAccounts.open(player, "EUR", datetime.now(UTC)))
        rows = OutboxRow.objects.filter(pk__gt=before, aggregate=f"player:{player}").order_by("pk")
        event.append([row.type for row in rows])
    assert event[0] == event[1] == [HISTORY_RESTATED, PLAYER_RESTATED]


def test_a_rebuild_of_a_player_whose_epoch_is_over_restates_first():
    """What the shadow holds follows what is shown, so a reader of the new epoch has both."""
    player = opened()
    Player.objects.filter(pk=player).update(epoch="")
    append_player(player, "EUR", "run", datetime.now(UTC))
    types = [row.type for row in OutboxRow.objects.filter(aggregate=f"player:{player}").order_by("pk")][1:]
    assert types == [HISTORY_RESTATED, PLAYER_RESTATED] * 2
