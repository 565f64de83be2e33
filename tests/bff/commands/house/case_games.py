"""A player's favourites and recently played games: once for each key, in order, and complete in each event."""

from datetime import timedelta

import msgspec
import pytest
from django.db import transaction

from bff.commands.handlers import games, limits
from bff.commands.ledger import outbox
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.models import OutboxRow, PlayerGame, Receipt
from bff.contracts.games import RECENT_MAX, LaunchGame, PlayerGames, SetFavourite
from bff.contracts.ledger import PlayerChanged
from bff.contracts.wallet import SelfExclude
from tests.bff.commands.house.case_wagering import now, uuid

MINUTE = timedelta(minutes=1)


def mark(player, game_id, favourite=True, at=None, key=None):
    body = SetFavourite(game_id, favourite)
    return games.set_favourite(
        CommandRequest.of(player, "EUR", "set-favourite", key or uuid(), body), body, at or now()
    )


def launch(player, game_id, at=None):
    body = LaunchGame(game_id)
    return games.launch_game(CommandRequest.of(player, "EUR", "launch-game", uuid(), body), body, at or now())


def games_of_last_event(player):
    """The player's games in the last event."""
    row = OutboxRow.objects.filter(aggregate=f"player:{player}").latest("pk")
    return msgspec.json.decode(row.data, type=PlayerChanged).games


def test_favourites_stand_with_the_latest_first_and_no_line_of_the_history_is_made():
    """One that is marked already keeps its place; one that is taken away is gone."""
    player, start = f"pl_{uuid()}", now()
    for minute, game_id in enumerate(["lantern:a", "oakmill:b", "lantern:a"]):
        receipt = mark(player, game_id, at=start + minute * MINUTE)
    assert games_of_last_event(player) == PlayerGames(["oakmill:b", "lantern:a"], [])
    assert (receipt.state, receipt.ordinal, receipt.amount_minor) == ("done", None, 0)
    mark(player, "oakmill:b", favourite=False)
    mark(player, "oakmill:never", favourite=False)
    assert games_of_last_event(player) == PlayerGames(["lantern:a"], [])
    assert PlayerGame.objects.filter(player=player).count() == 1


def test_the_same_key_marks_once():
    """Sent again it is answered alike, and undoes nothing that came after it."""
    player = f"pl_{uuid()}"
    first = mark(player, "lantern:a", key="k-1")
    mark(player, "lantern:a", favourite=False)
    assert mark(player, "lantern:a", key="k-1").receipt_id == first.receipt_id
    assert games_of_last_event(player) == PlayerGames([], [])
    with pytest.raises(CommandRejected, match="idempotency_key_reused"):
        mark(player, "lantern:b", key="k-1")


def test_the_latest_dozen_of_launched_games_is_kept():
    """A game that is launched again comes first; a favourite stays one when it is no longer among them."""
    player, start = f"pl_{uuid()}", now()
    mark(player, "lantern:g0")
    for minute in range(RECENT_MAX + 1):
        launch(player, f"lantern:g{minute}", at=start + minute * MINUTE)
    launch(player, "lantern:g5", at=start + 60 * MINUTE)
    state = games_of_last_event(player)
    assert state.recent == ["lantern:g5", *(f"lantern:g{n}" for n in range(RECENT_MAX, 0, -1) if n != 5)]
    assert state.favourites == ["lantern:g0"]
    body = LaunchGame("lantern:g9")
    request = CommandRequest.of(player, "EUR", "launch-game", "again", body)
    once, again = games.launch_game(request, body, start), games.launch_game(request, body, start)
    assert once.receipt_id == again.receipt_id


@pytest.mark.parametrize(
    "game_id", ["", "lantern", "lantern:", ":a", "Lantern:a", "lantern:a:b", "lantern:" + "x" * 65]
)
def test_what_is_no_game_is_refused_and_changes_nothing(game_id):
    player = f"pl_{uuid()}"
    for command in (mark, launch):
        with pytest.raises(CommandRejected) as refused:
            command(player, game_id)
        assert (refused.value.status, refused.value.code) == (422, "game_id_invalid")
    assert not Receipt.objects.filter(player=player).exists()


def test_who_is_on_a_break_launches_nothing_and_may_still_mark():
    player, body = f"pl_{uuid()}", SelfExclude(1)
    limits.self_exclude(CommandRequest.of(player, "EUR", "self-exclude", uuid(), body), body, now())
    with pytest.raises(CommandRejected, match="player_excluded"):
        launch(player, "lantern:a")
    mark(player, "lantern:a")
    assert games_of_last_event(player) == PlayerGames(["lantern:a"], [])


def test_more_favourites_than_there_can_be_are_refused(monkeypatch):
    monkeypatch.setattr(games, "FAVOURITES_MAX", 2)
    player = f"pl_{uuid()}"
    mark(player, "lantern:a")
    mark(player, "lantern:b")
    with pytest.raises(CommandRejected, match="favourites_full"):
        mark(player, "lantern:c")
    mark(player, "lantern:a")


def test_a_restatement_tells_them_again():
    """Whatever the read side has forgotten of them stands in the ledger's database."""
    player = f"pl_{uuid()}"
    mark(player, "lantern:a")
    launch(player, "oakmill:b")
    with transaction.atomic():
        outbox.restate(PlayerAccounts.open(player, "EUR", now()))
    assert games_of_last_event(player) == PlayerGames(["lantern:a"], ["oakmill:b"])
