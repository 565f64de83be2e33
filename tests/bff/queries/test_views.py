"""Views out of a real query store."""

import asyncio
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from bff.contracts.player_context import PlayerContext, mint, new_key_pair
from bff.contracts.promotions import (
    SCOPE_PROMOTIONS,
    ClaimsState,
    GrantProgress,
    OfferAmounts,
    OfferState,
    PromotionsData,
    claims_topic,
)
from bff.contracts.tables import Limits, RoundResult, TableData, TablesData, TableState, table_topic
from bff.contracts.view import SCOPE_STANDING, Break, View
from bff.contracts.wallet import (
    SCOPE_READ,
    Balances,
    LimitsState,
    Movement,
    Receipt,
    ReceiptData,
    ReceiptState,
    WalletData,
    WalletState,
    limits_topic,
    receipt_topic,
    wallet_topic,
)
from bff.queries.app import Queries
from bff.queries.policy import QueriesPolicy
from bff.store import Store, StorePolicy
from bff.store.policy import feed_policy
from tests.support.valkey_server import ValkeyServer

# Time limits are so many times the promise, for a machine that may be busy.
BUSY = 5

PRIVATE, PUBLIC = new_key_pair()
NOW = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
COUNT = itertools.count(1)


# Tests that are not about limits must not fail because the machine is busy.
PATIENT = StorePolicy(connect_ms=5000, op_ms=5000, breaker_failures=1000)


@pytest.fixture(scope="module")
def server():
    with ValkeyServer() as running:
        yield running


@pytest.fixture
async def store(server):
    server.flush()
    opened = Store.connect(server.url, PATIENT)
    yield opened
    await opened.aclose()


@pytest.fixture
async def client(store):
    transport = httpx.ASGITransport(app=Queries(store, PUBLIC))
    async with httpx.AsyncClient(transport=transport, base_url="http://queries") as opened:
        yield opened


def bearer(player="pl_amber", currency="EUR", scopes=(SCOPE_READ, SCOPE_PROMOTIONS)):
    now = int(time.time())
    context = PlayerContext(player, "wallet", currency, "en-GB", frozenset(scopes), now + 60)
    return {"Authorization": f"Bearer {mint(context, PRIVATE, now=now)}"}


def table(table_id, kind="roulette", is_open=True):
    limits = {"EUR": Limits(100, 50_000, "EUR"), "JPY": Limits(100, 8_000_000, "JPY")}
    results = [RoundResult("17", "black", "g1", NOW)]
    return TableState(table_id, table_id.upper(), kind, is_open, None, "Iris", limits, 3, 7, results)


def offer(promotion_id, ends_at, grants_max=1, currencies=("EUR",)):
    amounts = {currency: OfferAmounts(2000, 500) for currency in currencies}
    return OfferState(
        promotion_id, "Reload", "Half again", "reload", "18+", amounts, 35, {"roulette": 10}, 7, grants_max, ends_at
    )


def wallet(real_minor=12_500):
    movement = Movement("rc_1", "deposit", "done", real_minor, "EUR", NOW)
    return WalletState(Balances(real_minor, 0, real_minor, 0, "EUR"), [movement])


async def view(client, path, of, headers=None):
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=View[of])


async def test_empty_store_is_said_to_be_down(client):
    """Where nothing was ever held, nothing is shown and nothing is promised."""
    for path, of in [
        ("/views/tables?currency=EUR", TablesData),
        ("/views/tables/r1?currency=EUR", TableData),
        ("/views/promotions?currency=EUR", PromotionsData),
    ]:
        empty = await view(client, path, of)
        assert (empty.data, empty.freshness.state) == (None, "down")
    empty = await view(client, "/views/wallet", WalletData, bearer())
    assert (empty.data, empty.freshness.state) == (None, "down")


async def test_tables_come_open_first_with_limits_in_the_currency(client, store):
    """A player sees what can be joined first, and limits in their own money."""
    tables = [table("r1", is_open=False), table("r2"), table("b1", "blackjack")]
    await store.put("tables", tables, feed="tables")
    await store.heartbeat("tables")
    shown = await view(client, "/views/tables?currency=JPY", TablesData)
    assert [t.table_id for t in shown.data.tables] == ["r2", "b1", "r1"]
    assert shown.data.tables[0].limits == Limits(100, 8_000_000, "JPY")
    assert shown.freshness.state == "live"
    assert shown.freshness.sequence[1] == 1
    only = await view(client, "/views/tables?currency=GBP&kind=blackjack", TablesData)
    assert [(t.table_id, t.limits) for t in only.data.tables] == [("b1", None)]


async def test_table_that_does_not_exist_or_was_taken_away_is_unknown(client, store):
    """404 means the provider has no such table; not that nothing has been heard."""
    await store.put("tables", [table("r1")], feed="tables")
    await store.put(table_topic("r1"), table("r1"), feed="tables")
    await store.put(table_topic("gone"), None, feed="tables")
    assert (await view(client, "/views/tables/r1?currency=EUR", TableData)).data.table.name == "R1"
    for table_id in ("gone", "never", "a%20b", "x" * 300):
        answer = await client.get(f"/views/tables/{table_id}?currency=EUR")
        assert (answer.status_code, answer.json()["code"]) == (404, "table_unknown")


async def test_failing_feed_keeps_the_data_and_says_so(client, store):
    """Old data is better than none, as long as its age is told."""
    await store.put("tables", [table("r1")], feed="tables")
    await store.heartbeat("tables")
    await store.heartbeat("tables", "stale", "cut")
    shown = await view(client, "/views/tables?currency=EUR", TablesData)
    assert (len(shown.data.tables), shown.freshness.state) == (1, "stale")
    assert shown.freshness.as_of is not None


async def test_promotions_hide_what_expired_and_sort_by_end(client, store):
    """Offers end by the store's clock, whatever the provider last said."""
    soon, later = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) + timedelta(days=2)
    past = datetime.now(UTC) - timedelta(seconds=1)
    offers = [offer("later", later), offer("past", past), offer("soon", soon), offer("yen", soon, currencies=("JPY",))]
    await store.put("promotions", offers, feed="promotions")
    await store.heartbeat("promotions")
    shown = await view(client, "/views/promotions?currency=EUR", PromotionsData)
    assert [(o.promotion_id, o.claim) for o in shown.data.offers] == [("soon", "signed_out"), ("later", "signed_out")]
    assert abs((shown.data.server_time - datetime.now(UTC)).total_seconds()) < 2


async def test_promotions_know_what_the_asking_player_claimed(client, store):
    """`claimed` is the player's own, and only when every grant is used."""
    end = datetime.now(UTC) + timedelta(hours=1)
    await store.put("promotions", [offer("a", end), offer("b", end, grants_max=2), offer("c", end)], feed="promotions")
    await store.put(claims_topic("pl_amber"), ClaimsState({"a": 1, "b": 1}), feed="ledger")
    shown = await view(client, "/views/promotions?currency=EUR", PromotionsData, bearer())
    assert [o.claim for o in shown.data.offers] == ["claimed", "open", "open"]
    other = await view(client, "/views/promotions?currency=EUR", PromotionsData, bearer("pl_birch"))
    assert [o.claim for o in other.data.offers] == ["open", "open", "open"]


async def test_promotions_show_the_players_bonuses_and_no_offer_during_a_break(client, store):
    """Progress is the player's own, decided bonuses go after a day; who is on a break is shown nothing to claim."""
    soon = datetime.now(UTC) + timedelta(hours=1)
    await store.put("promotions", [offer("a", soon), offer("b", soon)], feed="promotions")
    running = GrantProgress("a", 1, "Reload", "running", 1000, 35_000, 700, 500, "EUR", soon)
    decided = msgspec.structs.replace(running, state="done", decided_at=soon - timedelta(hours=21))
    old = msgspec.structs.replace(decided, decided_at=soon - timedelta(hours=30))
    claims = ClaimsState({"a": 1}, [running, decided, old])
    await store.put(claims_topic("pl_amber"), claims, feed="ledger")
    limits = LimitsState("EUR", [], excluded_until=soon)
    await store.put(limits_topic("pl_amber"), limits, feed="ledger")
    shown = (await view(client, "/views/promotions?currency=EUR", PromotionsData, bearer())).data
    assert shown.grants == [running, decided]
    assert shown.offers == []
    nobody = (await view(client, "/views/promotions?currency=EUR", PromotionsData)).data
    assert nobody.grants == []


async def test_player_without_a_projection_has_nothing_while_the_ledger_is_live(client, store):
    """No entry means zero only if the ledger is known to be up to date."""
    await store.heartbeat("ledger")
    await store.heartbeat("engine", data={"payments": "up"})
    shown = await view(client, "/views/wallet", WalletData, bearer("pl_cedar", "JPY"))
    assert shown.data.balances == Balances(0, 0, 0, 0, "JPY")
    assert shown.data.actions["deposit"].open
    await store.heartbeat("ledger", "stale", "cut")
    shown = await view(client, "/views/wallet", WalletData, bearer("pl_cedar", "JPY"))
    assert (shown.data, shown.freshness.state) == (None, "down")


@pytest.mark.parametrize(
    ("ledger", "engine", "payments", "words"),
    [
        ("live", "live", "up", ""),
        ("live", "live", "down", "payment provider"),
        ("live", "stale", "up", "cashier"),
        ("stale", "live", "up", "up to date"),
    ],
)
async def test_deposits_are_open_only_when_they_can_be_kept(client, store, ledger, engine, payments, words):
    """A closed action gives its reason as a sentence."""
    await store.put(wallet_topic("pl_amber"), wallet(), feed="ledger", sequence=("e", 3))
    for feed, state in (("ledger", ledger), ("engine", engine)):
        await store.heartbeat(feed, data={"payments": payments})
        await store.heartbeat(feed, state, data={"payments": payments})
    deposit = (await view(client, "/views/wallet", WalletData, bearer())).data.actions["deposit"]
    assert deposit.open == (words == "")
    assert words in deposit.reason


RECEIPT = ReceiptState("pl_amber", Receipt("rc_1", "deposit", "done", 500, "EUR", NOW, ("e", 4)))
VIEWS = ("tables", "tables/r1", "promotions", "wallet", "history", "limits", "receipts/rc_1")


@pytest.mark.parametrize("reported", [True, False])
@pytest.mark.parametrize("path", VIEWS)
async def test_every_view_says_whether_commands_are_taken(client, store, path, reported):
    """With data and without, whoever shows it knows at once when nothing may be offered, and when it may again."""
    if reported:
        await store.put(wallet_topic("pl_amber"), wallet(), feed="ledger", sequence=("e", 3))
        await store.put("tables", [table("r1")], feed="tables")
        await store.put(table_topic("r1"), table("r1"), feed="tables")
        await store.put("promotions", [], feed="promotions")
        await store.put(receipt_topic("rc_1"), RECEIPT, feed="ledger", sequence=("e", 3))
    for state, commands in (("live", "open"), ("stale", "paused"), ("down", "paused"), ("live", "open")):
        await store.heartbeat("engine", state, data={"payments": "up"})
        answer = await client.get(f"/views/{path}?currency=EUR", headers=bearer())
        assert answer.status_code == 200, answer.text
        assert answer.json()["commands"] == commands


PLAYERS_VIEWS = ("tables/r1", "promotions", "wallet", "history", "limits")


@pytest.mark.parametrize("path", PLAYERS_VIEWS)
async def test_every_view_that_offers_something_says_until_when_its_player_is_on_a_break(client, store, path):
    """The same word in all of them, to that player alone, and for no longer than it lasts."""
    await store.put("tables", [table("r1")], feed="tables")
    await store.put(table_topic("r1"), table("r1"), feed="tables")
    await store.put("promotions", [], feed="promotions")
    await store.put(wallet_topic("pl_amber"), wallet(), feed="ledger", sequence=("e", 3))
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=7)

    async def break_in_view(until, headers):
        limits = LimitsState("EUR", [], excluded_until=until)
        await store.put(limits_topic("pl_amber"), limits, feed="ledger", sequence=("e", next(COUNT)))
        answer = await client.get(f"/views/{path}?currency=EUR", headers=headers)
        assert answer.status_code == 200, answer.text
        return msgspec.json.decode(answer.content, type=View[Any]).on_break

    player = bearer(scopes=(SCOPE_READ, SCOPE_PROMOTIONS, SCOPE_STANDING))
    assert await break_in_view(ends, player) == Break(ends)
    assert await break_in_view(datetime(9999, 12, 31, tzinfo=UTC), player) == Break(None)
    assert await break_in_view(ends - timedelta(days=8), player) is None
    assert await break_in_view(ends, bearer("pl_birch")) is None


async def test_a_break_is_told_at_a_table_only_to_who_may_know_of_it(client, store):
    """A bearer without a scope, and nobody, learn of a table alone."""
    await store.put(table_topic("r1"), table("r1"), feed="tables")
    limits = LimitsState("EUR", [], excluded_until=datetime.now(UTC) + timedelta(days=7))
    await store.put(limits_topic("pl_amber"), limits, feed="ledger")
    for headers in (bearer(scopes=()), {}):
        answer = await client.get("/views/tables/r1?currency=EUR", headers=headers)
        assert answer.json()["on_break"] is None


def test_engine_is_missed_in_time_for_every_open_page():
    """From its last word to the last page's closed button: five seconds, the way to the browser included."""
    silent_s = feed_policy("engine").stale_after_s
    assert silent_s >= 3, "two heartbeats may be lost without anybody noticing"
    assert silent_s + QueriesPolicy().announce_s <= 4.5


async def test_read_waits_for_its_own_write(client, store):
    """A view asked with `min_sequence` shows the write as soon as it is projected."""
    await store.heartbeat("ledger")
    await store.put(wallet_topic("pl_amber"), wallet(100), feed="ledger", sequence=("e", 3))

    async def project():
        await asyncio.sleep(0.03)
        await store.put(wallet_topic("pl_amber"), wallet(200), feed="ledger", sequence=("e", 4))

    projecting = asyncio.create_task(project())
    shown = await view(client, "/views/wallet?min_sequence=e:4", WalletData, bearer())
    assert (shown.data.balances.real_minor, shown.pending) == (200, False)
    assert shown.freshness.sequence == ("e", 4)
    await projecting


@pytest.mark.parametrize("wanted", ["e:9", "other:1"])
async def test_read_that_waited_in_vain_says_pending_in_time(client, store, wanted):
    """A late projection costs a reader the wait and one honest word, not the page."""
    await store.heartbeat("ledger")
    await store.put(wallet_topic("pl_amber"), wallet(), feed="ledger", sequence=("e", 3))
    began = time.monotonic()
    shown = await view(client, f"/views/wallet?min_sequence={wanted}", WalletData, bearer())
    assert 0.14 < time.monotonic() - began < 2
    assert shown.pending
    assert shown.data.balances.real_minor == 12_500


async def test_receipt_is_its_players_own(client, store):
    """Knowing a receipt's id is not enough to read it."""
    await store.heartbeat("ledger")
    receipt = Receipt("rc_1", "deposit", "done", 500, "EUR", NOW, ("e", 4))
    await store.put(receipt_topic("rc_1"), ReceiptState("pl_amber", receipt), feed="ledger", sequence=("e", 4))
    assert (await view(client, "/views/receipts/rc_1", ReceiptData, bearer())).data.receipt == receipt
    for path, player in [("rc_1", "pl_birch"), ("rc_2", "pl_amber"), ("r%20c", "pl_amber")]:
        answer = await client.get(f"/views/receipts/{path}", headers=bearer(player))
        assert (answer.status_code, answer.json()["code"]) == (404, "receipt_unknown")


async def test_who_may_not_read_the_wallet_reads_what_became_of_a_claim_and_no_other_receipt(client, store):
    """The offers can say how a claim ended; what was paid in stays unknown to them."""
    await store.heartbeat("ledger")
    for command in ("claim-promotion", "deposit"):
        receipt = Receipt(f"rc_{command}", command, "done", 500, "EUR", NOW, ("e", 4))
        state = ReceiptState("pl_amber", receipt)
        await store.put(receipt_topic(f"rc_{command}"), state, feed="ledger", sequence=("e", 4))
    offers = bearer(scopes=(SCOPE_PROMOTIONS,))
    assert (await view(client, "/views/receipts/rc_claim-promotion", ReceiptData, offers)).data is not None
    answer = await client.get("/views/receipts/rc_deposit", headers=offers)
    assert (answer.status_code, answer.json()["code"]) == (404, "receipt_unknown")


async def test_receipt_that_a_lagging_ledger_may_still_hold_is_pending(client, store):
    """While the ledger is not live, a missing receipt is not yet an unknown one."""
    shown = await view(client, "/views/receipts/rc_1", ReceiptData, bearer())
    assert (shown.data, shown.pending, shown.freshness.state) == (None, True, "down")


async def test_record_of_another_shape_is_a_typed_problem(client, store):
    """A writer of another release costs its own view, with a word for it."""
    await store.put("tables", [{"surprise": 1}], feed="tables")
    answer = await client.get("/views/tables?currency=EUR")
    assert (answer.status_code, answer.json()["code"]) == (500, "record_unreadable")


async def test_metrics_tell_views_by_status(client, store):
    """Operators see what is asked and how it ends."""
    await client.get("/views/tables?currency=EUR")
    await client.get("/views/tables")
    page = (await client.get("/metrics")).text
    assert 'mullion_views_total{status="200",view="tables"} 1.0' in page
    assert 'mullion_views_total{status="400",view="tables"} 1.0' in page


async def test_hung_store_is_answered_in_time_and_healed_from():
    """503 within the limit while the store hangs or is gone, views again within two seconds after."""
    with ValkeyServer() as server:
        store = Store.connect(server.url)
        await store.put("tables", [], feed="tables")
        transport = httpx.ASGITransport(app=Queries(store, PUBLIC))
        async with httpx.AsyncClient(transport=transport, base_url="http://queries") as client:
            for break_it, mend_it in ((server.hang, server.resume), (server.stop, server.start)):
                break_it()
                for _ in range(6):
                    began = time.monotonic()
                    answer = await client.get("/views/tables?currency=EUR")
                    assert (answer.status_code, answer.json()["code"]) == (503, "store_down")
                    assert time.monotonic() - began < 5
                mend_it()
                end = time.monotonic() + BUSY * 2
                while (await client.get("/views/tables?currency=EUR")).status_code != 200:
                    assert time.monotonic() < end, "the views did not heal in time"
                    await asyncio.sleep(0.05)
        await store.aclose()
