"""Drawings of games: made from the name only, equal in every process, and small."""

import re

import pytest

from fragments.games.art import PALETTES, art_of
from fragments.games.search import Search, search_from
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

NAMES = [f"{first} {second}" for first in ("Copper", "Jade", "Ember", "Lantern") for second in map(str, range(60))]


def test_every_name_has_a_drawing_that_says_nothing_but_shapes() -> None:
    """Two paths of plain numbers, in a palette of the stylesheet."""
    css = (ROOT / "fragments/games/static/games.css").read_text("utf-8")
    for art in map(art_of, NAMES):
        for path in (art.far, art.near):
            assert re.fullmatch(r"[MLCQVHahvzZ0-9. -]+", path), path
            assert len(path) < 2_500
        assert f".art-{art.palette} " in css
    assert {art_of(name).palette for name in NAMES} == set(range(PALETTES))


def test_name_is_drawn_alike_each_time_and_unlike_another() -> None:
    """Another process draws the same."""
    first = art_of("Lantern Falls")
    art_of.cache_clear()
    assert art_of("Lantern Falls") == first
    assert len({art_of(name) for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize(("name", "initials"), [("Lantern Falls", "LF"), ("ölfeld", "Ö"), ("7 & 7", "77"), ("…", "")])
def test_initials_are_letters_of_the_name(name: str, initials: str) -> None:
    """Two at most."""
    assert art_of(name).initials == initials


def test_search_is_as_long_as_the_bff_takes() -> None:
    """Unknown values of the other fields are dropped."""
    assert len(search_from({"search": "x" * 500}).search) == 64
    assert search_from({"sort": "best", "page": "0"}) == Search()
    assert not Search(sort="name").narrows
