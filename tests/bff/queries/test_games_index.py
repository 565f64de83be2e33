"""Which games a search finds, and in which order."""

from datetime import UTC, datetime, timedelta

import pytest

from bff.contracts.games import GameState
from bff.queries.games.folding import fold
from bff.queries.games.index import GamesIndex, entries_of

pytestmark = pytest.mark.quick

NOW = datetime(2030, 1, 1, tzinfo=UTC)
NAMES = [
    "Garden",
    "Garden of Quiet",
    "Quiet Garden",
    "Quiet Garden Deluxe",
    "The Quiet Gardener",
    "Jötunn's Größe",
    "Piñata Nights",
    "Łódź Wheel",
]


def index(names=NAMES):
    games = [
        GameState(f"g{n}", name, "slots", rtp=90.0 + n, released_at=NOW - timedelta(days=n))
        for n, name in enumerate(names)
    ]
    return GamesIndex(entries_of("lantern", games))


def found(search):
    return [entry.state.name for entry in index().search(fold(search))]


@pytest.mark.parametrize(
    ("text", "folded"),
    [("  Größe: 2 ", "grosse 2"), ("PIÑATA", "pinata"), ("Pirate's", "pirates"), ("Łódź", "lodz"), ("?!_", "")],
)
def test_case_diacritics_and_punctuation_are_folded(text, folded):
    assert fold(text) == folded


def test_words_are_found_by_their_beginning_and_the_best_comes_first():
    """The same name first, then names that begin so, then words in order, then in any order."""
    assert found("quiet garden") == ["Quiet Garden", "Quiet Garden Deluxe", "The Quiet Gardener", "Garden of Quiet"]
    assert found("garden")[:2] == ["Garden", "Garden of Quiet"]
    assert found("qui gar")[0] == "Quiet Garden"


def test_a_search_without_diacritics_finds_names_with_them_and_the_other_way_round():
    assert found("jotunns grosse") == found("JÖTUNN’S GRÖẞE") == ["Jötunn's Größe"]
    assert found("pinata") == found("piñ") == ["Piñata Nights"]
    assert found("lodz") == ["Łódź Wheel"]


def test_what_begins_no_word_is_found_inside_names():
    """Without spaces too; but not a letter or two, which stand everywhere."""
    assert found("quietgarden") == ["Quiet Garden", "Quiet Garden Deluxe", "The Quiet Gardener"]
    assert found("arden deluxe") == ["Quiet Garden Deluxe"]
    assert found("uie xyz") == []
    assert found("ie") == []


def test_orders_hold_each_game_once():
    games = index()
    assert [entry.state.code for entry in games.by_release] == [f"g{n}" for n in range(8)]
    assert [entry.state.code for entry in games.by_rtp] == [f"g{n}" for n in reversed(range(8))]
    assert len(games) == len(games.by_id) == 8
    assert games.by_name[0].game_id == "lantern:g0"
