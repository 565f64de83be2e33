"""Which values of a provider's games are accepted; without a provider."""

from datetime import UTC, datetime, timedelta

import pytest

from bff.contracts.games import GameState
from bff.feeds import settings
from bff.feeds.games.catalogue import PARTS, Catalogue, part_of
from bff.feeds.games.fields import Rows, read_game
from bff.feeds.games.lantern import WORDS
from bff.feeds.games.providers import games_feeds
from bff.feeds.games.source import Batch, Held
from bff.feeds.health import FeedHealth
from bff.feeds.policy import FeedsPolicy, GamesPolicy
from bff.feeds.reading import BadMessage

pytestmark = pytest.mark.quick

POLICY = GamesPolicy(games_max=150)
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def game(code, name="Quiet Garden"):
    return GameState(str(code), name, "slots")


def batch(codes, spoilt=()):
    return Batch({str(code): game(code) for code in codes}, frozenset(spoilt))


def catalogue(count=100):
    made = Catalogue("lantern", "Lantern", POLICY)
    made.take_all(batch(range(count)), now=0.0)
    return made


def fields(**other):
    words = {"code": "g1", "name": "Quiet Garden", "category": "Video Slots", "rtp": 96.123, "volatility": "High"}
    rest = {"released_at": NOW, "playable": True, "thumbnail": "/thumbs/g1.svg", "now": NOW}
    return read_game(WORDS, POLICY, **words | rest | other)


def test_a_provider_without_an_address_is_not_read(monkeypatch):
    """Each by itself: an installation has those that it names."""
    names = ("GAMES_LIST_URL", "GAMES_PUSH_URL", "GAMES_CSV_URL")
    for name in names:
        monkeypatch.setattr(settings, name, "")
    assert games_feeds(None, "one") == []
    for name, feed in zip(names, ("games-lantern", "games-tidewheel", "games-oakmill"), strict=True):
        monkeypatch.setattr(settings, name, "http://127.0.0.1:1/")
        assert feed in [each.name for each in games_feeds(None, "one")]


def test_a_game_is_read_with_what_its_provider_says():
    assert fields() == GameState("g1", "Quiet Garden", "slots", 96.12, "high", "/thumbs/g1.svg", NOW, True)
    assert fields(rtp=None, volatility="", released_at=None, thumbnail=None).rtp is None


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"code": "tidewheel:1"}, "code is no code"),
        ({"code": "x" * 65}, "65 characters"),
        ({"name": "x" * 81}, "81 characters"),
        ({"name": None}, "name is not text"),
        ({"category": "Sports"}, "category is none that is known"),
        ({"rtp": 9612.0}, "rtp is not from"),
        ({"volatility": "insane"}, "volatility is none"),
        ({"released_at": NOW + timedelta(days=400)}, "further away"),
    ],
)
def test_a_field_that_is_wrong_refuses_its_game_by_name(other, why):
    """Among them a code that would stand in another provider's names, and a name longer than any."""
    with pytest.raises(BadMessage, match=why):
        fields(**other)


@pytest.mark.parametrize("path", ["//elsewhere.example/x.svg\n", "https://elsewhere.example/x.svg", 7, "x" * 300])
def test_a_picture_that_is_no_path_is_left_out(path):
    assert fields(thumbnail=path).thumbnail is None


def test_a_code_that_comes_twice_counts_once_and_rows_that_are_none_are_left_out():
    """Its first row stands; a row that can not be read leaves its game as it was."""
    health = FeedHealth("games-test", FeedsPolicy())

    def read(row, _now):
        if not isinstance(row, dict) or row["name"] is None:
            raise BadMessage("no game")
        return game(row["code"], row["name"])

    rows = Rows(read, "code", health)
    for row in (
        {"code": 1, "name": "A"},
        {"code": 1, "name": "B"},
        {"code": 2, "name": None},
        None,
        {"code": "?", "name": None},
    ):
        rows.add(row)
    assert rows.batch() == Batch({"1": game(1, "A")}, frozenset({"2"}))
    assert health.report()["messages"] == {"bad": 4}


def test_a_list_is_believed_as_long_as_few_games_go():
    """A fifth may go; what changed is written, and nothing else."""
    games = catalogue()
    games.dirty.clear()
    games.take_all(batch(range(20, 101)), now=1.0)
    assert len(games) == 81
    assert games.get("0") is None
    assert games.get("100") == game(100)
    assert games.dirty == {part_of(str(code)) for code in [*range(20), 100]}


def test_a_list_with_half_of_the_games_gone_is_held_and_changes_nothing():
    """It says so, in a sentence, until the provider has its games again."""
    games = catalogue()
    games.head_due = False
    with pytest.raises(Held, match="Lantern took 50 of 100 games away at once"):
        games.take_all(batch(range(50)), now=1.0)
    assert len(games) == 100
    assert games.head_due
    assert "not believed" in games.head().held
    games.take_all(batch(range(100)), now=2.0)
    assert games.head().held == ""


def test_games_that_go_little_by_little_are_held_as_well():
    """What counts is how many have gone within the hour; in the next one as many may go again."""
    games = catalogue()
    for code in range(20):
        games.remove(str(code), now=1.0 + code)
    with pytest.raises(Held):
        games.remove("20", now=30.0)
    assert len(games) == 80
    again = catalogue()
    for code in range(20):
        again.remove(str(code), now=1.0)
    again.remove("20", now=POLICY.shrink_window_s + 2)
    again.remove("no such game", now=POLICY.shrink_window_s + 2)
    assert len(again) == 79


def test_a_provider_that_stands_by_it_is_believed_in_the_end():
    games = catalogue()
    with pytest.raises(Held):
        games.take_all(batch(range(10)), now=10.0)
    with pytest.raises(Held):
        games.take_all(batch(range(10)), now=10.0 + POLICY.held_s_max - 1)
    games.take_all(batch(range(10)), now=10.0 + POLICY.held_s_max)
    assert len(games) == 10
    assert games.held == ""


def test_a_spoilt_row_leaves_its_game_as_it_was():
    games = catalogue()
    games.take_all(batch(range(1, 100), spoilt={"0", "never seen"}), now=1.0)
    assert games.get("0") == game(0)
    assert len(games) == 100


def test_more_games_than_are_read_are_held():
    """In a list, and one by one."""
    games = catalogue()
    with pytest.raises(Held, match="151 games, more than the 150"):
        games.take_all(batch(range(151)), now=1.0)
    games.take_all(batch(range(150)), now=1.0)
    games.take_one(game(1), now=1.0)
    with pytest.raises(Held, match="more than the 150 games"):
        games.take_one(game(150), now=1.0)


def test_a_successor_holds_the_first_list_against_what_its_predecessor_wrote():
    games = Catalogue("lantern", "Lantern", POLICY)
    games.seed([game(code) for code in range(100)], now=0.0)
    assert not games.dirty
    with pytest.raises(Held):
        games.take_all(batch([]), now=1.0)
    assert repr(games) == "<Catalogue lantern 100 held>"


def test_digests_name_the_parts_that_changed():
    """A reader fetches one part of thirty-two for a game that changed."""
    games = catalogue()
    games.seal()
    before = games.head().parts
    games.take_one(game(7, "Another name"), now=1.0)
    games.seal()
    after = games.head().parts
    assert [part for part in range(PARTS) if before[part] != after[part]] == [part_of("7")]
    games.touch_all()
    assert games.dirty == set(range(PARTS))
