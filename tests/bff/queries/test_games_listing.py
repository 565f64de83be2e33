"""Listings of the catalogue are cached while they stay the same, and never shown after that."""

from datetime import UTC, datetime, timedelta

from bff.contracts.games import GamesQuery, GameState
from bff.queries.games.index import GamesIndex, entries_of
from bff.queries.games.listing import Listings

NOW = datetime(2026, 5, 4, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)
GAMES = [
    GameState("1", "Amber", "slots", released_at=NOW - timedelta(days=400)),
    GameState("2", "Basil", "bingo"),
    GameState("3", "Comet", "slots", released_at=SINCE + timedelta(minutes=5)),
]


def index_of(games):
    return GamesIndex([*entries_of("lantern", games), *entries_of("oakmill", [GameState("1", "Delta", "slots")])])


def names(listing):
    return [entry.state.name for entry in listing.entries]


def test_a_listing_is_made_once_until_a_game_changes_or_stops_being_new():
    """Whoever asks for the same without a search gets the same one."""
    index, listings = index_of(GAMES), Listings()
    first = listings.of(index, GamesQuery(), "", SINCE)
    assert names(first) == ["Comet", "Amber", "Basil", "Delta"]
    assert listings.of(index, GamesQuery(), "", SINCE + timedelta(minutes=4)) is first
    assert names(listings.of(index, GamesQuery(), "", SINCE + timedelta(minutes=6))) == [
        "Amber", "Basil", "Comet", "Delta",
    ]  # fmt: skip
    changed = index_of([*GAMES, GameState("4", "Ember", "slots")])
    assert "Ember" in names(listings.of(changed, GamesQuery(), "", SINCE))


def test_each_count_leaves_its_own_filter_out():
    """As in a listing of a search, which is made for its request."""
    index, listings = index_of(GAMES), Listings()
    for query in (GamesQuery(provider="lantern"), GamesQuery(provider="lantern", search="a")):
        found = listings.of(index, query, "slots", SINCE)
        assert {"Amber"} <= set(names(found)) <= {"Amber", "Comet"}
        assert found.categories["slots"] == len(names(found))
    everything = listings.of(index, GamesQuery(provider="lantern"), "slots", SINCE)
    assert (everything.providers, everything.categories) == ({"lantern": 2, "oakmill": 1}, {"slots": 2, "bingo": 1})
    assert names(listings.of(index, GamesQuery(search="!", sort="name"), "", SINCE)) == [
        "Amber", "Basil", "Comet", "Delta",
    ]  # fmt: skip
