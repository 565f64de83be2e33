"""A shop of three foreign teams, put together by their manifests and pages as data: each fails alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.signed_in import signed_in
from tests.support.slow_house import SlowHouse
from tests.support.tractors.pages import DOCUMENTS
from tests.support.tractors.teams import Store, store

TEAMS = {"header": "explore", "home": "explore", "list": "explore", "more": "explore", "product": "decide"}
TEAMS |= {"minicart": "checkout", "buy": "checkout", "basket": "checkout"}


@pytest.fixture(scope="module")
def tractors() -> Iterator[Store]:
    with store() as every:
        yield every


@pytest.fixture(scope="module")
def shop(_slow_house_of_the_run: SlowHouse, tractors: Store) -> str:
    """The shop's address: its teams and its pages are published as their owners would."""
    house = _slow_house_of_the_run
    house.publish(*tractors.manifest_urls)
    for document in DOCUMENTS:
        house.manage("page", "publish", str(document))
    return house.url


@pytest.fixture(scope="module")
def session(shop: str) -> dict[str, str]:
    """The cookies of one who has signed in: once for all, as it is made to take long."""
    return dict(signed_in(shop))


@pytest.fixture
def buyer(shop: str, session: dict[str, str], page: Page) -> Page:
    page.context.add_cookies([{"name": n, "value": v, "url": shop} for n, v in session.items()])
    return page


def slot(page: Page, name: str) -> Any:
    return page.locator(f"#slot-{name}")


def wait_for_states(page: Page, states: dict[str, str]) -> None:
    for name, state in states.items():
        expect(slot(page, name)).to_have_attribute("data-state", state)


@pytest.mark.full
def test_tractor_is_found_chosen_and_bought(shop: str, buyer: Page) -> None:
    """From one team's shelf by another's page into a third one's basket, whose count in the header follows at once."""
    buyer.goto(f"{shop}/shop/")
    expect(slot(buyer, "home").locator("[data-count]")).to_have_text("4 machines")
    slot(buyer, "home").get_by_text("Heritage Hauler").click()
    buyer.wait_for_url("**/product/heritage-hauler/")
    slot(buyer, "product").get_by_text("Barn red").last.click()
    buyer.wait_for_url("**/product/heritage-hauler/?product.sku=CL-01-RD*")
    expect(slot(buyer, "buy").locator("strong")).to_have_text("5,900 €")
    before = int(slot(buyer, "minicart").locator("b").inner_text())
    slot(buyer, "buy").get_by_role("button", name="Add to basket").click()
    expect(slot(buyer, "buy").get_by_role("status")).to_have_text("Heritage Hauler is in your basket.")
    expect(slot(buyer, "minicart").locator("b")).to_have_text(str(before + 1))
    slot(buyer, "minicart").get_by_role("link").click()
    buyer.wait_for_url("**/shop/basket/")
    expect(slot(buyer, "basket").get_by_text("Heritage Hauler, Barn red").first).to_be_visible()
    pictures = buyer.evaluate(
        "[...document.querySelectorAll('fragment-slot')].flatMap((each) => "
        "[...(each.shadowRoot ?? each).querySelectorAll('img')]).map((each) => each.complete && each.naturalWidth)"
    )
    assert pictures
    assert all(pictures)


@pytest.mark.full
@pytest.mark.parametrize("name", ["explore", "decide", "checkout"])
def test_team_that_is_away_leaves_the_others_at_work_and_heals_in_its_place(
    shop: str, buyer: Page, tractors: Store, name: str
) -> None:
    """The page is whole at once, nobody else's slot notices, and nobody reloads it for the team to be back."""
    slots = ("header", "minicart", "product", "buy", "more")
    tractors.teams[name].down()
    try:
        buyer.goto(f"{shop}/product/stone-steady/")
        wait_for_states(buyer, {each: "fallback" if TEAMS[each] == name else "fresh" for each in slots})
        if name != "checkout":
            slot(buyer, "buy").get_by_role("button", name="Add to basket").click()
            expect(slot(buyer, "buy").get_by_role("status")).to_have_text("Stone Steady is in your basket.")
    finally:
        tractors.teams[name].up()
    wait_for_states(buyer, dict.fromkeys(slots, "fresh"))
