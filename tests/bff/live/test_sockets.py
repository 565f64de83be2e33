"""BFF live as a real process with a real Valkey: which sockets are accepted, and what a page receives."""

import asyncio
import contextlib
import json
import signal
import time

import pytest
import websockets

from bff.contracts.player_context import new_key_pair
from bff.live.snapshots import read_snapshots
from bff.store import Store, StorePolicy
from tests.support.live_house import ORIGIN, LiveHouse
from tests.support.valkey_server import ValkeyServer

# Twice the promised five seconds: this is a real process on a machine that may be busy.
CLOSED_S_MAX = 10


@pytest.fixture(scope="module")
def valkey():
    with ValkeyServer() as server:
        yield server


@pytest.fixture(scope="module", params=["uvicorn", "daphne"])
def house(request, valkey):
    valkey.flush()
    with LiveHouse(valkey.url, server=request.param) as running:
        yield running


@pytest.fixture
async def store(valkey):
    # Hundreds of pages share this process's event loop, so its own calls get more time than a house allows.
    opened = Store.connect(valkey.url, StorePolicy(connect_ms=3000, op_ms=3000))
    yield opened
    await opened.aclose()


async def publish(store, channel, **message):
    await store._connection.client.publish(channel, json.dumps(message))


async def test_a_page_hears_a_snapshot_then_every_change(house, store):
    """What the store holds comes at once, what changes comes when it does."""
    await store.put("tables.a", {"seats_taken": 1}, feed="tables")
    async with house.page() as page:
        await page.follow("tables.a", "promotions")
        first = await page.topic("tables.a")
        assert first["data"] == {"seats_taken": 1}
        await store.put("tables.a", {"seats_taken": 2}, feed="tables")
        second = await page.topic("tables.a")
        assert second["data"] == {"seats_taken": 2}
        assert second["seq"] == [first["seq"][0], first["seq"][1] + 1]


async def test_a_page_stops_hearing_what_it_unsubscribes(house, store):
    """Unsubscribing ends a topic and leaves the others."""
    async with house.page() as page:
        await page.follow("tables.left", "tables.kept")
        await store.put("tables.left", 1, feed="tables")
        await page.data("tables.left", 1)
        await page.say(unsubscribe=["tables.left"])
        await asyncio.sleep(0.2)
        await store.put("tables.left", 2, feed="tables")
        await store.put("tables.kept", 3, feed="tables")
        await page.data("tables.kept", 3)
        assert not [m for m in page.received if m.get("data") == 2]


async def test_a_player_hears_of_their_own_wallet_only(house, store):
    """Another player's wallet is refused by name, and nothing of it arrives."""
    async with house.page("pl_amber") as amber:
        await amber.follow("wallet.pl_amber", "wallet.pl_birch", "claims.pl_birch")
        refusal = await amber.hear(lambda message: "refused" in message)
        assert refusal == {"refused": "topic_forbidden", "topics": ["wallet.pl_birch", "claims.pl_birch"]}
        await store.put("wallet.pl_birch", {"real_minor": 4000}, feed="ledger")
        await store.put("wallet.pl_amber", {"real_minor": 12500}, feed="ledger")
        assert (await amber.topic("wallet.pl_amber"))["data"] == {"real_minor": 12500}
        assert "4000" not in json.dumps(amber.received)


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "https://localhost:8000", "http://localhost:8001", "http://127.0.0.1:8000", None],
)
async def test_foreign_null_or_wrong_scheme_origin_is_403(house, origin):
    """The handshake of a page that is not the shell's is refused."""
    assert await house.refusal(origin=origin) == 403


async def test_a_handshake_without_a_good_ticket_is_403(house):
    """No ticket, somebody else's, an old one, one for another house: all the same answer."""
    foreign_key = new_key_pair()[0]
    tickets = ["", "x.y.z", house.ticket(life_s=-1), house.ticket(audience="wallet"), house.ticket(key=foreign_key)]
    assert [await house.refusal(ticket=ticket) for ticket in tickets] == [403] * 5
    assert await house.refusal(path="/elsewhere") == 403
    assert await house.refusal(ticket="", path=f"/live?ticket={house.ticket()}") == 403  # nothing is read from a URL
    assert await house.refusal() == 101


async def test_a_ticket_opens_one_socket_and_proves_one_session(house):
    """The second time it is 403 at the door, and the end of the socket that brings it along."""
    once = house.ticket("pl_amber")
    async with house.page("pl_amber", ticket=once) as page:
        assert page.connection.subprotocol == "mullion.live"
        assert await house.refusal(ticket=once) == 403
        await page.say(ticket=once)
        assert await page.closed() == 4401
    async with house.page("pl_amber") as page:
        again = house.ticket("pl_amber")
        await page.say(ticket=again)
        await page.follow("promotions")
        await page.hear(lambda message: "heartbeat" in message)
        assert await house.refusal(ticket=again) == 403


async def test_a_table_that_does_not_exist_is_refused_by_name(house, store):
    """The page hears it once, and goes on with what there is."""
    await store.put("tables", [], feed="tables")
    await store.put("tables.r1", {"open": True}, feed="tables")
    async with house.page() as page:
        await page.follow("tables.r1", "tables.invented")
        assert await page.hear(lambda m: "refused" in m) == {"refused": "topic_unknown", "topics": ["tables.invented"]}
        await store.put("tables.r1", {"open": False}, feed="tables")
        await page.data("tables.r1", {"open": False})
    await store._connection.client.delete("view:tables")


async def test_a_session_that_ends_closes_its_sockets_within_5_s_and_no_others(house, store):
    """A revocation reaches every open page of that session; an older ticket opens nothing afterwards."""
    old_ticket = house.ticket("pl_cedar", session="m1.0")
    device = house.ticket("pl_cedar", session="m2.0")
    async with (
        house.page(ticket=old_ticket) as one,
        house.page(ticket=house.ticket("pl_cedar", session="m1.0")) as two,
        house.page(ticket=device) as another_device,
        house.page("pl_amber") as other,
    ):
        pages = (one, two, another_device, other)
        for page in pages:
            await page.follow("tables.a")
            await page.topic("tables.a")
        await publish(store, "mullion:revoked", player="pl_cedar", mark="m1")
        assert [await one.closed(CLOSED_S_MAX), await two.closed(CLOSED_S_MAX)] == [4401, 4401]
        await store.put("tables.a", "still here", feed="tables")
        for page in (another_device, other):
            await page.data("tables.a", "still here")
    assert await house.refusal(ticket=old_ticket) == 403
    assert await house.refusal(ticket=house.ticket("pl_cedar", session="m3.0")) == 101


async def test_a_player_signed_out_everywhere_loses_every_socket_within_5_s(house, store):
    """On every device; who signs in again is let in at once, and a page that renewed its ticket meanwhile goes too."""
    async with (
        house.page(ticket=house.ticket("pl_dill", session="dill1.0")) as phone,
        house.page(ticket=house.ticket("pl_dill", session="dill2.0")) as laptop,
        house.page("pl_amber") as other,
    ):
        await phone.say(ticket=house.ticket("pl_dill", session="dill9.0"))
        for page in (phone, laptop, other):
            await page.follow("tables.b")
        await store.put("tables.b", "before", feed="tables")
        for page in (phone, laptop, other):
            await page.data("tables.b", "before")
        await publish(store, "mullion:revoked", player="pl_dill", mark="", epoch=1)
        assert [await phone.closed(CLOSED_S_MAX), await laptop.closed(CLOSED_S_MAX)] == [4401, 4401]
        await store.put("tables.b", "after", feed="tables")
        await other.data("tables.b", "after")
    assert await house.refusal(ticket=house.ticket("pl_dill", session="dill1.0")) == 403
    assert await house.refusal(ticket=house.ticket("pl_dill", session="dill3.1")) == 101


async def test_a_ticket_that_expires_closes_nothing(house, store):
    """A ticket opens the door; it does not hold it."""
    async with house.page(ticket=house.ticket("pl_amber", life_s=1)) as page:
        await page.follow("tables.a")
        await asyncio.sleep(2.2)
        await store.put("tables.a", "after", feed="tables")
        await page.data("tables.a", "after")


async def test_a_page_that_follows_more_topics_than_its_box_holds_gets_them_all(house, store):
    """First texts come in turn instead of overflowing the box."""
    topics = [f"tables.many{n}" for n in range(128)]
    for topic in topics:
        await store.put(topic, topic, feed="tables")
    async with house.page() as warm, house.page() as page:
        for each in (warm, page):
            await each.follow(*topics, "tables.one-too-many")
            topics_received = set()
            while len(topics_received) < 128:
                topics_received.add((await each.hear(lambda message: "topic" in message))["topic"])
            assert topics_received == set(topics)
        refused = [m for m in page.received if "refused" in m] or [await page.hear(lambda m: "refused" in m)]
        assert refused == [{"refused": "topics_max", "topics": ["tables.one-too-many"]}]


@pytest.mark.parametrize(
    ("message", "codes"),
    [
        ("not json", {4400}),
        ('{"subscribe":1}', {4400}),
        ('{"ticket":"x"}', {4401}),
        (b"\x00", {4415}),
        (json.dumps({"subscribe": ["tables.a"] * 1400}), {4413, 1009}),
    ],
)
async def test_what_a_page_may_not_say_closes_with_the_code_that_says_why(house, message, codes):
    """A close code names the mistake."""
    async with house.page("pl_amber") as page:
        await page.connection.send(message)
        assert await page.closed() in codes


async def test_a_message_of_2_mib_ends_the_socket(house):
    """The server refuses it before it is whole: by 1009, or by dropping the connection."""
    async with house.page() as page:
        with contextlib.suppress(websockets.ConnectionClosed):
            await page.connection.send("x" * (2 * 1024 * 1024))
        assert await page.closed() in (1009, 1006)


async def test_a_page_that_floods_is_closed_with_4429(house):
    """Messages come at the allowed rate or not at all."""
    async with house.page() as page:
        with contextlib.suppress(websockets.ConnectionClosed):
            for _ in range(500):
                await page.follow("tables.a")
        assert await page.closed() == 4429


async def test_a_silent_feed_turns_stale_on_every_open_page(house, store):
    """Nobody has to be alive but this house for a page to hear that a feed has fallen silent."""
    await store.heartbeat("tables")
    async with house.page() as page:
        await page.follow("feed.tables")
        assert (await page.topic("feed.tables"))["state"] == "live"
        notice = await page.topic("feed.tables")
        assert notice["state"] == "stale"
        await store.heartbeat("tables")
        assert (await page.topic("feed.tables"))["state"] == "live"


async def test_money_that_the_ledger_no_longer_knows_is_no_snapshot(store):
    """A wallet from before the epoch in which everybody was told is not told to a page either."""
    await store.put("wallet.pl_gone", {"balances": {}}, feed="ledger", sequence=("a", 7))
    await store.heartbeat("ledger", data={"epoch": "a"})
    assert "wallet.pl_gone" in (await read_snapshots(store, ["wallet.pl_gone"])).messages
    await store.heartbeat("ledger", data={"epoch": "b"})
    assert (await read_snapshots(store, ["wallet.pl_gone"])).messages == {}


async def test_what_is_not_a_socket_gets_a_plain_answer(house):
    """Readiness, metrics, and a typed problem."""
    async with house.page() as page:
        await page.hear(lambda message: "heartbeat" in message)
        assert house.health()["listening"] is True
        assert house.metric("mullion_live_sockets ") >= 1
        assert house.metric("mullion_live_sent_total ") >= 1


async def test_heartbeats_carry_the_servers_time(house):
    """A page learns the server's clock from the first message on."""
    async with house.page() as page:
        beat = await page.hear(lambda message: "heartbeat" in message)
        assert abs(beat["heartbeat"] / 1000 - time.time()) < 1


async def test_sigterm_closes_sockets_with_1012_and_ends_quickly(valkey):
    """A restart tells pages to come back, and does not wait for them."""
    house = LiveHouse(valkey.url)
    house.start()
    try:
        async with house.page() as page:
            await page.follow("tables.a")
            ending = asyncio.create_task(asyncio.to_thread(house.stop, signal.SIGTERM))
            assert await page.closed() == 1012
            assert await ending < 5
    finally:
        house.stop(signal.SIGKILL)


async def test_after_a_forced_reconnect_of_all_no_latest_state_is_lost(valkey, store):
    """The process is killed while tables move; every page that comes back shows the last state."""
    with LiveHouse(valkey.url) as house:

        async def page_of(n, opened):
            async with house.page() as page:
                await page.follow(f"tables.back{n % 10}")
                await page.topic(f"tables.back{n % 10}")
                opened.release()
                assert await page.closed() == 1006
            while True:
                try:
                    async with house.page() as page:
                        await page.follow(f"tables.back{n % 10}")
                        await page.data(f"tables.back{n % 10}", 99)
                        return
                except (OSError, websockets.WebSocketException):
                    await asyncio.sleep(0.1)

        opened = asyncio.Semaphore(0)
        for n in range(10):
            await store.put(f"tables.back{n}", 0, feed="tables")
        pages = [asyncio.create_task(page_of(n, opened)) for n in range(100)]
        for _ in pages:
            await opened.acquire()
        house.stop(signal.SIGKILL)
        for n in range(10):
            await store.put(f"tables.back{n}", 99, feed="tables")
        await asyncio.to_thread(house.start)
        await asyncio.wait_for(asyncio.gather(*pages), 30)


async def test_origins_of_the_allow_list_are_let_in(valkey):
    """Another origin of ours is one setting away, and only that one."""
    house = LiveHouse(valkey.url)
    house.start(LIVE_ORIGINS="https://play.example,https://other.example:8443")
    try:
        assert await house.refusal(origin="https://other.example:8443") == 101
        assert await house.refusal(origin="https://other.example") == 403
        assert await house.refusal(origin=ORIGIN) == 101
    finally:
        house.stop()


async def test_an_address_holds_no_more_sockets_than_it_may(valkey):
    """The next handshake from it is 403 until one of them has gone."""
    with LiveHouse(valkey.url, address_sockets_max=2) as house:
        async with house.page() as one, house.page():
            assert await house.refusal() == 403
            assert house.metric('mullion_live_refused_total{reason="address_full"}') == 1
            await one.connection.close()
            async with asyncio.timeout(30):
                while await house.refusal() != 101:
                    pass


async def test_sockets_are_let_in_no_faster_than_they_may(valkey):
    """A crowd that comes back at once is let in bit by bit; its tickets are not spent, and who is in stays in."""
    with LiveHouse(valkey.url, connects_burst=2, connects_per_s=0.01) as house:
        async with house.page() as one, house.page():
            ticket = house.ticket()
            assert [await house.refusal(ticket=ticket) for _ in range(3)] == [403, 403, 403]
            assert house.metric('mullion_live_refused_total{reason="connects_per_s"}') == 3
            await one.hear(lambda message: True)
