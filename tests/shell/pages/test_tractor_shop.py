"""A shop of three foreign teams, composed from their manifests and from pages as data, without a browser."""

import re
from collections.abc import Iterator

import pytest

from shell.composition.release import Trust
from tests.support.tractors.pages import Shop, states
from tests.support.tractors.teams import Store, store

PATHS = ("/shop/", "/products/classics/", "/product/heritage-hauler/", "/shop/basket/")
TEAMS = {"header": "explore", "home": "explore", "list": "explore", "more": "explore", "product": "decide"}
TEAMS |= {"minicart": "checkout", "buy": "checkout", "basket": "checkout"}


@pytest.fixture(scope="module")
def tractors() -> Iterator[Store]:
    with store() as every:
        yield every


async def test_every_page_of_the_shop_stands_and_each_team_fails_alone(tractors: Store) -> None:
    """While one team is away only its slots show a fallback; they are fresh again when it is back."""
    async with Shop(tractors.manifest_urls) as shop:
        whole = {path: states(await shop.page(path)) for path in PATHS}
        assert {slot for found in whole.values() for slot in found} == set(TEAMS)
        assert {state for found in whole.values() for state in found.values()} == {("fresh", "")}
        for name, team in tractors.teams.items():
            team.down()
            for path in PATHS:
                found = states(await shop.page(path))
                assert found.keys() == whole[path].keys()
                assert {slot for slot, state in found.items() if state != ("fresh", "")} == {
                    slot for slot in found if TEAMS[slot] == name
                }
                assert {state for slot, state in found.items() if TEAMS[slot] == name} <= {("fallback", "connect")}
            team.up()
            assert states(await shop.page(PATHS[2])) == whole[PATHS[2]]
    assert [
        note for notes in shop.notes.values() for note in notes if "removed" in note or "did not answer" in note
    ] == []


async def test_shop_of_teams_that_nobody_trusts_stands_whole(tractors: Store) -> None:
    """New fragments are sandboxed: every slot and each mini cart is shown, and no script of theirs runs."""
    async with Shop(tractors.manifest_urls, Trust.SANDBOXED) as shop:
        for path in PATHS[1:3]:
            page = await shop.page(path)
            assert set(states(page).values()) == {("fresh", "")}
            assert 'data-inside="header"' in page
            assert not re.search(r'data-(modules|scripts)="[^"]|hx-(post|trigger="(?!mullion:swap))', page)
