"""Restating and rebuilding step by step: bounded, going on where it was, and nobody twice."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime

from django.db import transaction

from bff.commands.engine.policy import RELAY
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import OutboxRow, Player, Rebuild
from bff.commands.management.commands.seed_demo import open_balance
from bff.commands.relay import epochs, rebuild
from bff.contracts.ledger import HISTORY_RESTATED, PLAYER_RESTATED

NOW = datetime.now(UTC)


def opened(epoch=None):
    player = f"pl_{secrets.token_hex(5)}"
    open_balance(player, "EUR", 10_000)
    if epoch is not None:
        Player.objects.filter(pk=player).update(epoch=epoch)
    return player


def types_of(player):
    """Kinds of the events about the player that follow the opening of the account."""
    return [row.type for row in OutboxRow.objects.filter(aggregate=f"player:{player}").order_by("pk")][1:]


def test_restating_stops_once_enough_rows_are_written_and_goes_on_with_the_next_call(monkeypatch):
    """However many players wait, one call costs a bounded number of rows beyond the player that it is at."""
    while epochs.restate_some(NOW):
        pass
    players = {opened(epoch="") for _ in range(3)}
    monkeypatch.setattr(epochs, "RELAY", replace(RELAY, restate_rows_batch=1))
    assert [epochs.restate_some(NOW) for _ in range(4)] == [1, 1, 1, 0]
    assert {player for player in players if types_of(player) == [HISTORY_RESTATED, PLAYER_RESTATED]} == players


def test_a_player_whom_another_relay_has_restated_meanwhile_is_not_restated_again(monkeypatch):
    """Between looking for players and locking one, somebody else may have done it."""
    player = opened()
    monkeypatch.setattr(epochs, "not_restated", lambda epoch: Player.objects.filter(pk=player))
    assert epochs.restate_some(NOW) == 1
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
