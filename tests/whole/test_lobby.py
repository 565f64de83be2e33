"""The lobby in a browser, whatever serves it and whatever its fragments are called."""

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from redis import Redis

from tests.support.kafka_mock import KafkaMock
from tests.support.lobby import (
    SLOTS,
    Console,
    reload_until,
    sign_in,
    sign_in_by_form,
    start_session,
    states,
    wait_for,
    words,
)
from tests.support.lobby_houses import renamed_lobby
from tests.support.mullion import Mullion
from tests.support.small.ledger import assert_deposits, assert_sound
from tests.support.small.lobby import SmallLobby, small_lobby

pytestmark = pytest.mark.timeout(180)

# A lobby whose fragments are functions is published while each release's checks start environments of their own, and
# `small` is thirty processes.
STANDS_S_MAX = 250
FRAGMENTS = "wallet,live-dealer,promotions,games"
EVERY_KIND_DIES_S_MAX = 240
LONG = [pytest.mark.full, pytest.mark.timeout(530)]
# All tests hold in all of these; `.ci/full` runs those whose whole house costs more than all else here. Every run finds
# cheaper what they show: a fragment's name in code (tests/books/test_ground_rules.py), pages by documents alone
# (tests/shell/registry/test_page_revisions.py), daphne (tests/shell/test_daphne.py), Kafka
# (tests/bff/broker/test_kafka_way.py).
OTHERS = [pytest.param(name, marks=LONG) for name in ("renamed", "as functions", "on kafka", "on small")]
RENAMED, _, ON_KAFKA, ON_SMALL = OTHERS
EVERY = pytest.mark.parametrize("lobby", ["as it is", *OTHERS], indirect=True)
Lobby = Mullion | SmallLobby
NewContext = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def lobby(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lobby]:
    """The Mullion of the run; one that daphne serves, with every fragment renamed, one removed and one added, by page
    documents alone, and with its events on Kafka; one whose fragments are all functions; one with events over Kafka;
    and `small`, where one process of each kind is killed meanwhile."""
    within_s = 30
    with ExitStack() as stack:
        house: Lobby
        if request.param == "renamed":
            house = stack.enter_context(renamed_lobby(tmp_path_factory.mktemp("house")))
        elif request.param == "on small":
            house = stack.enter_context(small_lobby(request.getfixturevalue("postgres")))
        elif request.param == "as it is":
            house = request.getfixturevalue("_mullion_of_the_run")
        else:
            options, environ = ["--functions", FRAGMENTS], {}
            if request.param == "on kafka":
                kafka = stack.enter_context(KafkaMock())
                options, environ = ["--broker", "kafka"], {"KAFKA_BOOTSTRAP": kafka.servers}
            house = stack.enter_context(Mullion(*options, environ=environ, stands_s_max=STANDS_S_MAX))
            within_s = STANDS_S_MAX
        wait_for(
            lambda: house.get("/")[1].count('data-state="fresh"') == len(SLOTS),
            within_s,
            lambda: house.output()[-2000:],
            every_s=0.5,
        )
        if isinstance(house, SmallLobby):
            house.start_killing()
        yield house


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """The edge of `small` has a certificate of its own."""
    return {**browser_context_args, "ignore_https_errors": True}


def fresh(page: Page) -> bool:
    seen = states(page)
    return set(SLOTS) <= set(seen) and set(seen.values()) == {"fresh"}


@EVERY
def test_visitor_sees_a_whole_lobby(lobby: Lobby, page: Page) -> None:
    """Tables, games and offers for everybody, an invitation in the wallet's slot, no error in the console."""
    console = Console(page)
    page.goto(lobby.url)
    wait_for(lambda: fresh(page), describe=lambda: states(page))
    expect(page.locator("fragment-slot[slot=tables] li").first).to_be_visible()
    wait_for(lambda: page.locator("fragment-slot[slot=tables] a[href^='/tables/']").count() >= 12)
    assert "Sign in" in words(page, "wallet")
    expect(page.locator("fragment-slot[slot=promotions] li").first).to_be_visible()
    expect(page.locator("fragment-slot[slot=games] .tile").first).to_be_visible()
    expect(
        page.locator("fragment-slot[slot=games]").get_by_role("link", name=re.compile(r"All [\d,]+ games"))
    ).to_be_visible()
    assert console.errors == []


@EVERY
def test_lobby_needs_no_javascript(lobby: Lobby, new_context: NewContext) -> None:
    """Every slot is in place without scripts, and sign-in, deposit and claim work with plain forms."""
    context = new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in_by_form(page, lobby.url, "cedar", "/cashier/")
    balance = page.locator("fragment-slot[slot=cashier]").get_by_text(re.compile("¥")).first
    expect(reload_until(balance)).to_be_visible()
    # A cashier that is closed for a moment says so; without scripts the player has to reload.
    reload_until(page.locator("#amount:enabled")).fill("1000")
    page.get_by_role("button", name="Deposit", exact=True).click()
    expect(page).to_have_url(re.compile(r"/cashier/\?cashier\.receipt="))
    expect(reload_until(page.locator("fragment-slot[slot=cashier] [role=status].receipt"))).to_be_visible()
    page.goto(lobby.url)
    # The same for an offer that can not be claimed at this moment.
    reload_until(page.locator("fragment-slot[slot=promotions] button:enabled", has_text="Claim").first).click()
    expect(page).to_have_url(re.compile(r"/\?promotions\.receipt="))
    # Without scripts a page shows what was booked when it was loaded: the projection may be a moment behind.
    reload_until(page.locator("fragment-slot[slot=promotions]").get_by_text("Claimed", exact=True))


@EVERY
def test_deposit_moves_the_balance_of_every_slot_that_shows_it(lobby: Lobby, page: Page) -> None:
    """An htmx deposit swaps its own slot, stays on the page, and shows its outcome, also after a reload."""
    sign_in(page, lobby.url, "birch", "/cashier/")
    page.evaluate("window.notReloaded = true")
    page.locator("#amount").fill("20")
    page.get_by_role("button", name="Deposit", exact=True).click()
    receipt = page.locator("fragment-slot[slot=cashier] [role=status].receipt")
    expect(receipt).to_contain_text("£20.00")
    assert page.evaluate("window.notReloaded") is True
    expect(page).to_have_url(re.compile(r"/cashier/\?cashier\.receipt=rc_"))
    page.reload()
    expect(receipt).to_contain_text("£20.00")


@pytest.mark.parametrize("lobby", [RENAMED, ON_KAFKA], indirect=True)
def test_events_and_offers_go_over_kafka_alone(lobby: Mullion, page: Page) -> None:
    """Balances reach the page and offers the engine over that Kafka, and none of them is on a Valkey stream."""
    sign_in_by_form(page, lobby.url, "amber")
    wait_for(lambda: "€" in words(page, "wallet"), 60)

    def offers_read() -> int:
        """How many promotions the engine knows of."""
        with contextlib.closing(sqlite3.connect(lobby.data / "commands.sqlite3")) as books:
            return int(books.execute("select count(*) from commands_offer").fetchone()[0])

    lobby.wait(lambda: offers_read() > 0, 60)
    with Redis.from_url(f"redis://127.0.0.1:{lobby.processes()['valkey']['port']}/0") as client:
        assert list(client.scan_iter("stream:*")) == []


@EVERY
def test_unknown_table_is_a_404_that_says_where_to_go(lobby: Lobby, page: Page) -> None:
    """A page whose primary fragment does not know the table is a 404 with the shell's own words."""
    # A fragment that is busy for a moment can not answer that there is no such table; then the page is loaded again.
    wait_for(lambda: page.goto(f"{lobby.url}/tables/no-such-table/").status == 404)
    expect(page.get_by_role("link", name="Go to the lobby")).to_be_visible()


@EVERY
def test_table_page_shows_the_table(lobby: Lobby, page: Page) -> None:
    """From a card in the lobby to the table's own page."""
    page.goto(lobby.url)
    card = page.locator("fragment-slot[slot=tables] a[href^='/tables/']").first
    name = card.inner_text().split("\n")[0]
    card.click()
    page.wait_for_url(re.compile(r"/tables/[^/]+/$"))
    expect(page.locator("fragment-slot[slot=table]").get_by_role("heading", level=2)).to_have_text(name)


@EVERY
def test_ended_sign_in_keeps_what_was_typed(lobby: Lobby, page: Page) -> None:
    """The form of a player who was signed out elsewhere is not sent; the typed input stays."""
    sign_in(page, lobby.url, "amber", "/cashier/")
    page.locator("#amount").fill("33")
    page.context.clear_cookies()
    page.get_by_role("button", name="Deposit", exact=True).click()
    expect(page.locator("#notice")).to_contain_text("nothing was sent")
    expect(page.locator("#amount")).to_have_value("33")


@EVERY
def test_sign_out_ends_it_in_every_process(lobby: Lobby, page: Page) -> None:
    """A cookie copied a minute ago does not show the balance after its session has ended."""
    sign_in_by_form(page, lobby.url, "amber")
    wait_for(lambda: "€" in words(page, "wallet"))
    copied = page.context.cookies()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(f"{lobby.url}/")
    page.context.add_cookies(copied)
    page.goto(lobby.url)
    assert "€" not in words(page, "wallet")


@EVERY
def test_two_players_never_see_each_others_wallet(lobby: Lobby, new_context: NewContext) -> None:
    """Interleaved visits of two players and a visitor show each their own wallet."""
    contexts = {name: new_context() for name in ("amber", "cedar")}
    for name, context in contexts.items():
        start_session(context, lobby.url, name)
    visitor = new_context()
    for _ in range(5):
        shows_own(contexts["amber"], lobby.url, own="€", others="¥")
        shows_own(contexts["cedar"], lobby.url, own="¥", others="€")
        assert "Balance" not in wallet_of(visitor, lobby.url)


def wallet_of(context: BrowserContext, url: str) -> str:
    """The wallet's slot in the HTML of this visitor's next lobby."""
    return context.request.get(url).text().split('<fragment-slot slot="wallet"')[1].split("</fragment-slot>")[0]


def shows_own(context: BrowserContext, url: str, *, own: str, others: str) -> None:
    """A slot that falls back for a moment shows no balance at all; then the page is loaded again."""

    def visit() -> bool:
        wallet = wallet_of(context, url)
        assert others not in wallet
        return own in wallet

    wait_for(visit)


@pytest.mark.parametrize("lobby", [ON_SMALL], indirect=True)
def test_nothing_is_lost_while_one_of_each_kind_is_killed(lobby: SmallLobby, page: Page) -> None:
    """After everything above: no page failed, each deposit is in the ledger once, both sides agree."""
    wait_for(lambda: lobby.every_kind_died, EVERY_KIND_DIES_S_MAX, lambda: lobby.kills)
    page.goto(lobby.url)
    wait_for(lambda: fresh(page), describe=lambda: states(page))
    lobby.stop()
    print(
        f"{lobby.load.pages}, {len(lobby.load.deposits)} deposits, {dict(lobby.kills)}; slots {dict(lobby.load.slots)}"
    )
    assert lobby.load.failed == {}
    assert_deposits(lobby.small, lobby.load)
    assert_sound(lobby.small)
