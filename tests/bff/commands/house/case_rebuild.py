"""Restating and rebuilding step by step: bounded, resumable, and no player twice."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from bff.commands.engine.policy import RELAY
from bff.commands.ledger import statement
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import OutboxRow, Player, Rebuild
from bff.commands.management.commands.seed_demo import open_balance
from bff.commands.relay import rebuild, restating
from bff.commands.relay.places import Places
from bff.contracts.ledger import BALANCES_STATED, HISTORY_RESTATED, PLAYER_RESTATED, BalancesStated
from bff.contracts.ledger_partition import partition_of

NOW = datetime.now(UTC)


def opened(epoch=None):
    player = f"pl_{secrets.token_hex(5)}"
    open_balance(player, "EUR", 10_000)
    if epoch is not None:
        Player.objects.filter(pk=player).update(epoch=epoch)
    return player


def types_of(player):
    """The types of the player's events after the opening of the account."""
    return [row.type for row in OutboxRow.objects.filter(aggregate=f"player:{player}").order_by("pk")][1:]


def test_restating_stops_once_enough_rows_are_written_and_goes_on_with_the_next_call(monkeypatch):
    """However many players wait, one call costs a bounded number of rows beyond the player that it is at."""
    while restating.restate_some(NOW):
        pass
    players = {opened(epoch="") for _ in range(3)}
    monkeypatch.setattr(restating, "RELAY", replace(RELAY, restate_rows_batch=1))
    assert [restating.restate_some(NOW) for _ in range(4)] == [1, 1, 1, 0]
    assert {player for player in players if types_of(player) == [HISTORY_RESTATED, PLAYER_RESTATED]} == players


def test_a_player_whom_another_relay_has_restated_meanwhile_is_not_restated_again(monkeypatch):
    """Between looking for players and locking one, somebody else may have done it."""
    player = opened()
    monkeypatch.setattr(restating, "not_restated", lambda epoch: Player.objects.filter(pk=player))
    assert restating.restate_some(NOW) == 1
    assert types_of(player) == []


def test_a_rebuild_goes_on_where_it_was_until_it_ends():
    """Who begins it again gets the one under way; what another run reports changes nothing."""
    Rebuild.objects.all().delete()
    state, is_new = rebuild.begin(NOW)
    assert (rebuild.begin(NOW), is_new) == ((state, False), True)
    low, high = sorted(opened() for _ in range(2))
    assert rebuild.players_left(low) == Player.objects.filter(pk__gt=low).count() > rebuild.players_left(high)
    assert rebuild.next_players(high[:-1], 1) == [(high, "EUR")]
    rebuild.save_progress("another", high, 9, 9)
    rebuild.save_progress(state.run, low, 3, 1)
    found = Rebuild.objects.get(pk=1)
    assert (found.after, found.swapped, found.refused) == (low, 3, 1)
    rebuild.end("another")
    assert Rebuild.objects.exists()
    rebuild.end(state.run)
    assert not Rebuild.objects.exists()


def test_a_rebuild_of_one_partition_is_of_its_players_alone(monkeypatch):
    """Nobody of another partition is counted, restated or stated, however they stand between its players."""
    Rebuild.objects.all().delete()
    for _ in range(12):
        opened()
    own = Places.of(frozenset({1}), 3)
    state, _ = rebuild.begin(NOW, 1)
    assert (state.partition, rebuild.begin(NOW)) == (1, (state, False))
    wanted = [player for player in Player.objects.order_by("pk").values_list("pk", flat=True) if own.has_player(player)]
    found, after = [], ""
    while some := rebuild.next_players(after, 2, own):
        assert len(some) <= 2
        found += [player for player, _ in some]
        after = found[-1]
    assert found == wanted
    assert rebuild.players_left("", own) == len(wanted)
    monkeypatch.setattr(statement, "PART", 5)
    stated, before, after, part = [], None, "", 0
    while after != before:
        before = after
        after, count = statement.state_part("one", part, after, NOW, 3, 1)
        part += count
    for row in OutboxRow.objects.filter(type=BALANCES_STATED, epoch="one"):
        assert partition_of(row.aggregate, 3) == 1
        stated += [each.player for each in msgspec.json.decode(row.data, type=BalancesStated).players]
    assert sorted(stated) == wanted
    rebuild.end(state.run)


def test_a_rebuild_of_one_partition_and_one_of_all_do_not_mix():
    """Whichever was begun is to end first; a partition that is not there, and an epoch of one, are refused."""
    Rebuild.objects.all().delete()
    state, _ = rebuild.begin(NOW, 0)
    for arguments, sentence in {
        (): r"A rebuild of partition 0 is under way .* end first: rebuild_views --partition 0",
        ("--partition", "7"): "There is no partition 7: the ledger has 1, counted from 0.",
        ("--partition", "0", "--new-epoch"): "An epoch that is begun by hand is everybody's",
    }.items():
        with pytest.raises(CommandError, match=sentence):
            call_command("rebuild_views", *arguments)
    rebuild.end(state.run)
    state, _ = rebuild.begin(NOW)
    with pytest.raises(CommandError, match=r"A rebuild of all players is under way .* end first: rebuild_views$"):
        call_command("rebuild_views", "--partition", "0")
    rebuild.end(state.run)


def test_a_rebuild_of_a_player_of_this_epoch_tells_everything_once():
    """What comes before it has been told in this epoch already."""
    player = opened()
    rebuild.append_player(player, "EUR", "run", NOW)
    assert types_of(player) == [HISTORY_RESTATED, PLAYER_RESTATED]


def test_accounts_show_whose_they_are():
    """A log or a debugger says which player, and how far."""
    player = opened()
    with transaction.atomic():
        accounts = PlayerAccounts.open(player, "EUR", NOW)
    assert repr(accounts) == f"<PlayerAccounts {player} 1>"
