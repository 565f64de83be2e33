"""BFF live when something around it fails: the store, a client, the connection."""

import asyncio
import contextlib
import json
import socket
import time

import pytest
import redis
import websockets

from bff.store import Store, StorePolicy
from tests.support.live_house import ORIGIN, LiveHouse
from tests.support.valkey_server import ValkeyServer

MIB = 1024 * 1024


@pytest.fixture
def valkey():
    with ValkeyServer() as server:
        yield server


@pytest.fixture
async def store(valkey):
    opened = Store.connect(valkey.url, StorePolicy(connect_ms=3000, op_ms=3000))
    yield opened
    await opened.aclose()


@pytest.fixture
def house(valkey):
    with LiveHouse(valkey.url) as running:
        yield running


async def eventually(condition, within_s=30):
    end = time.monotonic() + within_s
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.1)


async def test_with_the_store_gone_sockets_stay_and_say_delayed(house, valkey, store):
    """A dead store closes nothing; when it returns, empty and of a new epoch, pages follow it without a reload."""
    await store.put("tables.a", "before", feed="tables")
    async with house.page() as page:
        await page.follow("tables.a")
        before = await page.topic("tables.a")
        valkey.stop()
        await page.notice("delayed")
        assert house.health() == {"listening": False, "sockets": 1}
        async with house.page() as late:
            await late.notice("delayed")
        valkey.start()
        await page.notice("live")
        await store.put("tables.a", "after", feed="tables")
        after = await page.data("tables.a", "after")
        assert after["seq"][0] != before["seq"][0]


async def test_a_store_that_hangs_is_noticed_and_what_changed_meanwhile_is_told(house, valkey, store):
    """No error comes from a hung store, so silence is the sign; the resumed store's state is read again."""
    await store.put("tables.a", "before", feed="tables")
    async with house.page() as page:
        await page.follow("tables.a")
        await page.data("tables.a", "before")
        valkey.hang()
        await page.notice("delayed", within_s=20)
        valkey.resume()
        # A message while nobody listened: the old connection is gone and the next one is not open yet.
        await store.put("tables.a", "meanwhile", feed="tables")
        await page.data("tables.a", "meanwhile")


async def test_a_flushed_store_starts_a_new_epoch_on_the_open_socket(house, valkey, store):
    """Numbers that start again at one are taken as a new epoch, not as old ones."""
    for n in range(5):
        await store.put("tables.a", n, feed="tables")
    async with house.page() as page:
        await page.follow("tables.a")
        assert (await page.data("tables.a", 4))["seq"][1] == 5
        valkey.flush()
        await store.put("tables.a", "fresh", feed="tables")
        assert (await page.data("tables.a", "fresh"))["seq"][1] == 1


async def test_after_a_gap_a_signed_in_page_proves_its_session_or_is_closed(valkey):
    """A revocation may have been missed while the store was away, so the page is asked; a visitor is not."""
    with LiveHouse(valkey.url, recheck_grace_s=1, heartbeat_s=0.5) as house:
        async with house.page("pl_amber") as proves, house.page("pl_birch") as silent, house.page() as visitor:
            for page in (proves, silent, visitor):
                await page.follow("tables.a")
            valkey.stop()
            await proves.notice("delayed")
            valkey.start()
            await proves.notice("ticket")
            await proves.say(ticket=house.ticket("pl_amber"))
            assert await silent.closed() == 4401
            await asyncio.sleep(1.5)
            for page in (proves, visitor):
                page.received.clear()
                await page.hear(lambda message: "heartbeat" in message)
            assert not [m for m in visitor.received if m.get("notice") == "ticket"]


async def test_a_session_that_ended_while_nobody_listened_opens_no_socket_afterwards(valkey):
    """What was pushed meanwhile stands in the store, and is read before the process counts as listening."""
    message = json.dumps({"player": "pl_amber", "mark": "gone", "epoch": 0})
    with redis.Redis.from_url(valkey.url) as client:
        client.zadd("mullion:revocations", {message: time.time()})
    with LiveHouse(valkey.url) as house:
        assert await house.refusal(ticket=house.ticket("pl_amber", session="gone.0")) == 403
        assert await house.refusal(ticket=house.ticket("pl_amber", session="stands.0")) == 101


async def test_a_ticket_of_another_player_does_not_prove_a_session(house):
    """A socket never changes hands."""
    async with house.page("pl_amber") as page:
        await page.say(ticket=house.ticket("pl_birch"))
        assert await page.closed() == 4401


async def test_a_flood_from_the_store_is_coalesced_and_starves_nobody(house, valkey):
    """50,000 messages in a burst: heartbeats go on, numbers rise, the last one arrives."""
    text = json.dumps({"topic": "tables.flood", "seq": ["e", 0], "as_of": None, "state": "live", "data": 0})
    async with house.page() as page, house.page() as bystander:
        await page.follow("tables.flood")
        await bystander.follow("tables.other")
        await asyncio.sleep(0.3)

        def flood():
            with socket.create_connection(("127.0.0.1", valkey.port)) as line:
                for n in range(1, 50_001):
                    raw = text.replace('["e", 0]', f'["e", {n}]').replace('"data": 0', f'"data": {n}')
                    line.sendall(
                        f"*3\r\n$7\r\nPUBLISH\r\n$17\r\nlive:tables.flood\r\n${len(raw)}\r\n{raw}\r\n".encode()
                    )
                line.settimeout(20)
                answered = 0
                while answered < 50_000:
                    answered += line.recv(65_536).count(b":")

        flooding = asyncio.create_task(asyncio.to_thread(flood))
        await page.data("tables.flood", 50_000, within_s=30)
        await flooding
        values = [m["data"] for m in page.received if m.get("topic") == "tables.flood"]
        assert values == sorted(set(values))
        await bystander.hear(lambda message: "heartbeat" in message)
        assert house.metric("mullion_live_queue ") < 10


async def test_duplicates_reordering_and_gaps_only_go_forward(house, store):
    """Whatever the order in which messages arrive, a page's number never falls."""
    async with house.page() as page:
        await page.follow("tables.order")
        await asyncio.sleep(0.3)
        for n in (1, 2, 2, 5, 3, 4, 1, 9, 5, 9):
            message = {"topic": "tables.order", "seq": ["e", n], "as_of": None, "state": "live", "data": n}
            await store._connection.client.publish("live:tables.order", json.dumps(message))
        await page.data("tables.order", 9)
        assert [m["data"] for m in page.received if "topic" in m] == [1, 2, 5, 9]


async def test_what_is_no_message_is_counted_and_dropped(house, store):
    """Garbage and an oversized message on the store's channel reach no page and end nothing."""
    publish = store._connection.client.publish
    async with house.page() as page:
        await page.follow("tables.a")
        await asyncio.sleep(0.3)
        await publish("live:tables.a", b"\xff{")
        await publish("live:tables.a", json.dumps({"topic": "tables.a"}))
        await publish("live:tables.a", b'"' + b"x" * (2 * MIB) + b'"')
        await publish("mullion:revoked", b"nobody")
        await publish("mullion:revoked", b"[]")
        await store.put("tables.a", "good", feed="tables")
        await page.data("tables.a", "good")
    assert house.metric('mullion_live_dropped_total{reason="malformed"}') == 2
    assert house.metric('mullion_live_dropped_total{reason="oversize"}') == 1


def handshake(house):
    """A raw socket after its handshake, with a small window, that follows one topic and never reads again."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", house.port))
    line.sendall(
        f"GET /live HTTP/1.1\r\nSec-WebSocket-Protocol: mullion.live, mullion.ticket.{house.ticket()}\r\n"
        f"Host: x\r\nOrigin: {ORIGIN}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    assert line.recv(12) == b"HTTP/1.1 101"
    text = b'{"subscribe":["tables.big"]}'
    line.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
    return line


async def test_clients_that_do_not_read_cost_at_most_their_box_and_are_dropped(valkey, store):
    """50 of them, 100 MB told: memory stays, a reader hears all of it, and then they are gone."""
    with LiveHouse(valkey.url, send_s_max=2, heartbeat_s=1, close_s_max=1) as house:
        async with house.page() as reader:
            await reader.follow("tables.big")
            deaf = [await asyncio.to_thread(handshake, house) for _ in range(50)]
            await eventually(lambda: house.health()["sockets"] == 51)
            before = house.memory_bytes()
            for n in range(40):
                await store.put("tables.big", [n, "x" * 50_000], feed="tables")
                await reader.hear(lambda m, n=n: m.get("topic") == "tables.big" and m["data"][0] == n)
            grown = house.memory_bytes() - before
            # A kernel's and a server's buffer each take one or two texts; the box holds the latest, which all sockets
            # share.
            assert grown < 50 * 4 * 65_536, f"{grown / MIB:.1f} MiB for 50 clients that do not read"
            await eventually(lambda: house.health()["sockets"] == 1)
            assert house.metric('mullion_live_closed_total{code="1013"}') == 50
            await eventually(lambda: established(house.port) == 1)
        for line in deaf:
            line.close()


def established(port):
    """Server-side connections of `port` that the kernel still has open."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


async def test_a_slow_loris_is_cut(valkey):
    """A request head that never becomes whole, and one that never ends, hold a connection for seconds only."""
    with LiveHouse(valkey.url, head_s_max=1) as house:

        def drip():
            with socket.create_connection(("127.0.0.1", house.port)) as line:
                began = time.monotonic()
                with contextlib.suppress(OSError):
                    for byte in b"GET /live HTTP/1.1\r\nX-Slow: " + b"a" * 1000:
                        line.sendall(bytes([byte]))
                        time.sleep(0.05)
                return time.monotonic() - began

        def endless():
            with socket.create_connection(("127.0.0.1", house.port)) as line:
                sent = 0
                with contextlib.suppress(OSError):
                    line.sendall(b"GET /live HTTP/1.1\r\n")
                    while sent < 64 * MIB:
                        sent += line.send(b"X-Long: " + b"a" * 4000 + b"\r\n")
                return sent

        assert await asyncio.to_thread(drip) < 3
        assert await asyncio.to_thread(endless) < 16 * MIB


async def test_a_page_that_follows_nothing_is_closed_as_idle(valkey):
    """A socket that is only held open is given back."""
    with LiveHouse(valkey.url, idle_s_max=1, heartbeat_s=0.5) as house:
        async with house.page() as page:
            assert await page.closed() == 4408


async def test_a_full_process_says_try_later(valkey):
    """One socket more than the process takes is told so, and the others stay."""
    with LiveHouse(valkey.url, sockets_max=1) as house:
        async with house.page() as first, house.page() as second:
            assert await second.closed() == 1013
            await first.hear(lambda message: "heartbeat" in message)


async def test_a_thousand_pages_that_come_and_go_leave_nothing(house, store):
    """Sockets, topics and queues are back where they were, however a page leaves."""
    await store.put("tables.a", 1, feed="tables")

    async def visit(n):
        async with house.page() as page:
            await page.follow("tables.a", f"tables.{n}")
            # The store may be slow here: a call that took too long is made again.
            await page.topic("tables.a", within_s=30)
            if n % 3 == 0:
                page.connection.transport.abort()

    for start in range(0, 1000, 50):
        with contextlib.suppress(websockets.ConnectionClosed):
            await asyncio.gather(*(visit(n) for n in range(start, start + 50)))
    await eventually(lambda: house.health()["sockets"] == 0)
    assert house.metric("mullion_live_topics ") == 0


async def test_a_process_without_a_store_is_ready_and_says_so(valkey):
    """A dead store at start does not keep the house from starting."""
    house = LiveHouse(valkey.url)
    valkey.stop()
    await asyncio.to_thread(house.start, listening=False)
    try:
        assert house.health() == {"listening": False, "sockets": 0}
        async with house.page() as page:
            await page.notice("delayed")
            valkey.start()
            await page.notice("live")
    finally:
        house.stop()
