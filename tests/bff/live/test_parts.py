"""The parts of BFF live that do no I/O."""

import asyncio
import dataclasses
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.live.addresses import Addresses, address_of
from bff.live.box import Box
from bff.live.close_code import CloseCode
from bff.live.fanout import Fanout
from bff.live.hub import Hub
from bff.live.origins import allowed_origins, is_allowed
from bff.live.pending_send import begin
from bff.live.policy import LivePolicy
from bff.live.revocations import Revocations
from bff.live.snapshots import read_snapshots
from bff.live.socket import Socket
from bff.live.subprotocol import ticket_in
from bff.live.tickets import Tickets
from bff.live.token_bucket import TokenBucket
from bff.live.topics import feed_of, may_follow
from bff.live.wire import Malformed, read, read_store_message
from bff.store import FeedFreshness, Record, Snapshot, StoreUnavailable

pytestmark = pytest.mark.quick

POLICY = LivePolicy()


async def unsent(message):
    raise AssertionError("nothing is sent before a writer waits")


def socket(player="", send=unsent):
    return Socket(POLICY, 0.0, send, player)


def emptied(box):
    texts = []
    while isinstance(item := box.pop(), str):
        texts.append(item)
    return texts


# The box.


def test_a_waiting_topic_is_replaced_and_keeps_its_turn():
    """A thousand changes of one topic cost one text."""
    box = Box(2)
    box.put("a", "a0")
    box.put("b", "b0")
    for n in range(1, 1000):
        assert box.put("a", f"a{n}")
    assert emptied(box) == ["a999", "b0"]


def test_one_topic_too_many_closes_the_box():
    """The box never holds more than its limit, and says that it overflowed."""
    box = Box(3)
    for name in "abc":
        assert box.put(name, name)
    assert not box.put("d", "d")
    assert box.pop() is CloseCode.TRY_LATER
    assert len(box) == 0


def test_control_goes_first_and_closing_goes_before_all():
    """A heartbeat does not wait behind data; nothing follows a closing."""
    box = Box(3)
    box.put("a", "a")
    box.put_control("heartbeat", "h1")
    box.put_control("heartbeat", "h2")
    assert box.pop() == "h2"
    box.close(CloseCode.FLOOD)
    box.close(CloseCode.IDLE)
    box.put("b", "b")
    box.put_control("heartbeat", "h3")
    assert box.pop() is CloseCode.FLOOD
    assert box.pop() is CloseCode.FLOOD


async def test_a_reader_of_an_empty_box_wakes_when_something_comes():
    """`filled` waits without turning, and returns at once when something is there already."""
    box = Box(3)
    waiting = box.filled()
    await asyncio.sleep(0)
    assert not waiting.done()
    box.put("a", "old")
    box.put("a", "new")
    await asyncio.wait_for(waiting, 30)
    await asyncio.wait_for(box.filled(), 30)
    assert emptied(box) == ["new"]


async def test_a_reader_that_was_cancelled_while_it_waited_harms_nobody():
    """A socket that ends while a message comes in does not break the fan-out."""
    box = Box(3)
    box.filled().cancel()
    assert box.put("a", "a")
    box.put_control("heartbeat", "h")
    assert emptied(box) == ["h", "a"]


async def test_who_waits_for_room_goes_on_when_a_topic_was_taken_or_the_box_closed():
    """A page that follows more topics than its box holds gets all of them, in turn."""
    box = Box(1)
    box.put("a", "a")
    waiting = asyncio.create_task(box.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    box.pop()
    await asyncio.wait_for(waiting, 30)
    box.put("b", "b")
    waiting = asyncio.create_task(box.room())
    await asyncio.sleep(0)
    box.close(CloseCode.TRY_LATER)
    await asyncio.wait_for(waiting, 30)


# Sends that are started at once.


class FakeSocket:
    """A server's side of a socket: accepts texts at once, or only when the client reads."""

    def __init__(self):
        self.taken = []
        self.reads = asyncio.Event()
        self.reads.set()

    async def send(self, message):
        await self.reads.wait()
        self.taken.append(message["text"])


async def test_a_send_that_need_not_wait_is_over_when_begun():
    """No task is woken for a client that reads."""
    transport = FakeSocket()
    assert begin(transport.send({"text": "a"})) is None
    assert transport.taken == ["a"]


async def test_the_rest_of_a_begun_send_is_finished_by_who_awaits_it():
    """A client that reads late gets the text all the same, once."""
    transport = FakeSocket()
    transport.reads.clear()
    rest = begin(transport.send({"text": "a"}))
    awaiting = asyncio.create_task(asyncio.wait_for(rest, 30))
    await asyncio.sleep(0)
    assert transport.taken == []
    transport.reads.set()
    await awaiting
    assert transport.taken == ["a"]


async def test_a_begun_send_can_be_cancelled_and_fails_like_any_other():
    """Cancellation and errors go where the send was."""
    transport = FakeSocket()
    transport.reads.clear()
    rest = begin(transport.send({"text": "a"}))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(rest, 0.01)
    transport.reads.set()
    assert transport.taken == []

    async def fails(message):
        await asyncio.sleep(0)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(begin(fails({})), 30)


async def test_nothing_overtakes_what_waits_in_the_box():
    """Only an empty box with a sleeping writer is passed by; else texts go through it, latest first served."""
    transport = FakeSocket()
    page = socket(send=transport.send)
    page.send_text("a", "a1")
    assert transport.taken == [], "no writer waits yet"
    assert emptied(page.box) == ["a1"]
    waiting = page.box.filled()
    page.send_text("a", "a2")
    assert transport.taken == ["a2"]
    transport.reads.clear()
    page.send_text("a", "a3")
    assert waiting.done(), "the writer is to finish it"
    page.send_text("a", "a4")
    page.send_text("a", "a5")
    rest = page.box.pop()
    transport.reads.set()
    await asyncio.wait_for(rest, 30)
    assert transport.taken == ["a2", "a3"]
    assert emptied(page.box) == ["a5"]


async def test_a_connection_that_ends_does_not_end_the_fan_out():
    """A server that refuses a text leaves it to the writer, who meets the same refusal."""

    async def gone(message):
        raise OSError

    page = socket(send=gone)
    waiting = page.box.filled()
    page.send_text("a", "a1")
    assert waiting.done()
    assert page.box.pop() == "a1"


# Fan-out.


def test_every_follower_and_nobody_else_is_told():
    """A message reaches the boxes of those who follow its topic."""
    fanout, first, second, other = Fanout(), socket(), socket(), socket()
    for follower, topic in ((first, "t"), (second, "t"), (other, "u")):
        assert fanout.follow(follower, topic)
    assert fanout.offer("t", ("e", 1), "t1")
    assert [emptied(each.box) for each in (first, second, other)] == [["t1"], ["t1"], []]


def test_a_late_follower_gets_the_latest_without_asking_the_store():
    """The process remembers the latest of what is followed, so a crowd that returns costs no reads."""
    fanout, first, late = Fanout(), socket(), socket()
    fanout.follow(first, "t")
    fanout.adopt("t", ("e", 4), "t4")
    assert fanout.follow(late, "t") is False
    assert emptied(late.box) == ["t4"]


def test_a_topic_without_followers_is_forgotten():
    """What nobody follows takes no memory."""
    fanout, only = Fanout(), socket()
    fanout.follow(only, "t")
    fanout.follow(only, "u")
    fanout.unfollow(only, "u")
    fanout.leave(only)
    assert len(fanout) == 0
    assert only.topics == set()
    assert fanout.offer("t", ("e", 1), "t1") is False
    assert fanout.adopt("t", ("e", 1), "t1") is False


def test_unfollowing_takes_back_what_still_waits():
    """A page is not told about a topic after it has said that it stops."""
    fanout, page = Fanout(), socket()
    fanout.follow(page, "t")
    fanout.offer("t", ("e", 1), "t1")
    fanout.unfollow(page, "t")
    assert emptied(page.box) == []


def test_after_a_lost_subscription_topics_need_a_snapshot_again():
    """Only a snapshot that was read while the subscription stands makes a topic current."""
    fanout, page, late = Fanout(), socket(), socket()
    fanout.follow(page, "t")
    fanout.adopt("t", ("e", 1), "t1")
    fanout.adopt_nothing("unknown")
    fanout.subscription_lost()
    assert fanout.follow(late, "t") is True
    assert emptied(late.box) == ["t1"], "what is known is shown meanwhile"


def test_an_old_epoch_that_arrives_late_does_not_come_back():
    """A new epoch replaces the old one for good; its stragglers and its snapshot are dropped."""
    fanout, page = Fanout(), socket()
    fanout.follow(page, "t")
    fanout.offer("t", ("old", 7), "old7")
    assert fanout.offer("t", ("new", 1), "new1")
    assert not fanout.offer("t", ("old", 8), "old8")
    assert not fanout.adopt("t", ("old", 8), "old8")
    assert fanout.follow(socket(), "t") is True, "an old snapshot does not make the topic current"
    assert emptied(page.box) == ["new1"]


@given(st.lists(st.integers(min_value=1, max_value=30), max_size=60))
def test_numbers_only_go_forward_whatever_the_order(order):
    """Duplicates, reordering and gaps: what a page is told rises, and ends at the highest."""
    fanout, page = Fanout(), socket()
    fanout.follow(page, "t")
    sent = []
    for n in order:
        fanout.offer("t", ("e", n), str(n))
        sent += [int(text) for text in emptied(page.box)]
    assert sent == sorted(set(sent))
    assert sent[-1:] == ([max(order)] if order else [])


# Limits by player, address and time.


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (b"https://play.example", True),
        (b"https://play.example:443", True),
        (b"https://PLAY.example", True),
        (b"http://localhost:8000", True),
        (b"http://play.example", False),
        (b"https://play.example:8443", False),
        (b"https://play.example.evil.example", False),
        (b"https://evil.example/https://play.example", False),
        (b"https://play.example@evil.example", False),
        (b"https://user@play.example", False),
        (b"http://localhost", False),
        (b"wss://play.example", False),
        (b"null", False),
        (b"", False),
        (b"https://play.example:port", False),
        (b"\xff", False),
    ],
)
def test_origin_is_compared_by_scheme_host_and_port(origin, allowed):
    """Foreign, null and wrong-scheme origins are refused."""
    ours = allowed_origins(["https://play.example", "http://localhost:8000/"])
    assert is_allowed([(b"host", b"x"), (b"origin", origin)], ours) is allowed


def test_no_origin_and_two_origins_are_refused():
    """A handshake says where it comes from, once."""
    ours = allowed_origins(["https://play.example"])
    assert not is_allowed([], ours)
    assert not is_allowed([(b"origin", b"https://play.example")] * 2, ours)


@pytest.mark.parametrize("url", ["play.example", "ws://play.example", "https://play.example/path", "null"])
def test_an_allow_list_with_something_else_in_it_is_refused_by_name(url):
    """A mistake in the settings is said at start, not met as 403s."""
    with pytest.raises(ValueError, match="is no origin"):
        allowed_origins([url])


@pytest.mark.parametrize(
    ("player", "topic", "allowed"),
    [
        ("", "tables", True),
        ("", "tables.roulette-1", True),
        ("", "promotions", True),
        ("", "feed.tables", True),
        ("pl_amber", "wallet.pl_amber", True),
        ("pl_amber", "claims.pl_amber", True),
        ("pl_amber", "wallet.pl_birch", False),
        ("pl_amber", "wallet.*", False),
        ("", "wallet.pl_amber", False),
        ("", "wallet.", False),
        ("", "engine", False),
        ("", "tables.r1\n", False),
        ("", "tables." + "x" * 300, False),
        ("", "", False),
    ],
)
def test_a_player_follows_only_what_is_everybodys_or_theirs(player, topic, allowed):
    """Nobody hears of another player's wallet."""
    assert may_follow(player, topic, topic_bytes_max=200) is allowed


def test_feed_of_tells_freshness_from_data():
    """`feed.<feed>` is about a feed; everything else is data."""
    assert feed_of("feed.tables") == "tables"
    assert feed_of("tables.1") is None


def test_allowance_is_a_burst_then_a_rate():
    """More than the rate is refused, and patience is rewarded."""
    message_budget = TokenBucket(burst=3, per_s=2, now=0.0)
    assert [message_budget.spend(0.0) for _ in range(4)] == [True, True, True, False]
    assert message_budget.spend(0.5)
    assert not message_budget.spend(0.6)
    assert message_budget.spend(100.0)


def test_a_revocation_covers_tickets_of_its_session_and_no_others():
    """The one session that ended, on whatever page; other devices of the player go on."""
    revoked = Revocations(ticket_s=60, revocations_max=10)
    revoked.add("pl_amber", now=1000, mark="m1")
    assert revoked.covers("pl_amber", "m1.0")
    assert not revoked.covers("pl_amber", "m2.0")
    assert not revoked.covers("pl_birch", "m3.0")
    assert not revoked.covers("", "")


def test_a_revocation_of_a_player_covers_every_session_of_before():
    """Signed out everywhere or blocked: all tickets of the time before are over, and one signed in anew is not."""
    revoked = Revocations(ticket_s=60, revocations_max=10)
    revoked.add("pl_amber", now=1000, epoch=2)
    revoked.add("pl_amber", now=1001, epoch=1)  # received late
    assert [revoked.covers("pl_amber", f"m.{epoch}") for epoch in (0, 1, 2)] == [True, True, False]
    assert revoked.covers("pl_amber", "")
    assert not revoked.covers("pl_birch", "m.0")


def test_revocations_are_forgotten_when_no_ticket_can_be_that_old():
    """Memory is bounded by time and by number."""
    revoked = Revocations(ticket_s=60, revocations_max=2)
    revoked.add("a", now=0, mark="ma")
    revoked.add("b", now=180, mark="mb")
    assert revoked.covers("a", "ma.0")
    revoked.add("b", now=500, mark="mb")
    assert not revoked.covers("a", "ma.0")
    for name in ("c", "d"):
        revoked.add(name, now=501, mark=f"m{name}")
        revoked.add(name, now=501, epoch=1)
    assert not revoked.covers("b", "mb.0")
    assert revoked.covers("d", "md.0")
    assert revoked.covers("d", "x.0")


# The words.


@pytest.mark.parametrize(
    "text", ["", "[]", "1", "{", '{"subscribe":"tables"}', '{"subscribe":[1]}', "[" * 9000, "\ud800"]
)
def test_what_is_not_one_of_our_messages_is_malformed(text):
    """Whatever a client sends is either understood or one typed error."""
    with pytest.raises(Malformed):
        read(text)


@given(st.binary(max_size=64))
def test_whatever_the_store_tells_is_understood_or_malformed(raw):
    """Fan-out never meets another exception."""
    try:
        read_store_message(raw)
    except Malformed:
        return


def test_unknown_fields_of_a_client_are_left_alone():
    """A later page may say more than this house knows."""
    assert read('{"subscribe":["tables"],"later":1}').subscribe == ["tables"]


# Actions that are due by the clock.


def test_a_socket_that_follows_nothing_is_closed_as_idle():
    """Holding a connection open costs nothing only to those who use it."""
    idle, busy = socket(), socket()
    busy.topics.add("tables")
    for each in (idle, busy):
        each.sent = 1
        each.check(POLICY, POLICY.idle_s_max + 1)
    assert idle.box.pop() is CloseCode.IDLE
    assert busy.box.pop() is None


def test_a_signed_in_page_is_asked_for_a_ticket_and_closed_without_one():
    """The session is checked again while the socket is open; an anonymous page has none."""
    player, visitor = socket("pl_amber"), socket()
    for each in (player, visitor):
        each.topics.add("tables")
        each.sent = 1
        each.check(POLICY, POLICY.recheck_s + 1)
    assert player.box.pop() == '{"notice":"ticket"}'
    assert visitor.box.pop() is None
    player.sent = 2
    player.check(POLICY, POLICY.recheck_s + POLICY.recheck_grace_s)
    assert player.box.pop() is None
    player.sent = 3
    player.check(POLICY, POLICY.recheck_s + POLICY.recheck_grace_s + 2)
    assert player.box.pop() is CloseCode.SESSION_ENDED


def test_a_fresh_ticket_puts_the_next_question_off():
    """A page that answered is left in peace until the next time."""
    page = socket("pl_amber")
    page.topics.add("tables")
    page.request_ticket(10.0)
    page.ticket_accepted(12.0)
    emptied(page.box)
    page.check(POLICY, 12.0 + POLICY.recheck_s - 1)
    assert page.box.pop() is None


async def test_a_writer_that_sends_nothing_between_heartbeats_loses_patience_after_the_limit():
    """A client that does not read is given up; one that reads slowly, but reads, is not."""
    policy = LivePolicy(heartbeat_s=0.05, send_s_max=0.1)
    deaf, slow = socket(), socket()
    for each in (deaf, slow):
        each.topics.add("tables")
    clock = asyncio.get_running_loop().time

    async def write(each):
        async with asyncio.timeout(None) as each.patience:
            while True:
                each.sent += each is slow
                each.check(policy, clock())
                await asyncio.sleep(policy.heartbeat_s)

    began = clock()
    reading = asyncio.create_task(write(slow))
    with pytest.raises(TimeoutError):
        await write(deaf)
    assert clock() - began > policy.send_s_max
    assert not reading.done()
    reading.cancel()


# Log lines.


def test_the_readme_knows_every_close_code():
    """A close code means something only if it is documented."""
    readme = (Path(__file__).parents[3] / "bff" / "live" / "README.md").read_text()
    for closing in CloseCode:
        assert f"| {closing.value} | {closing.word} |" in readme


def test_the_policys_numbers_hang_together():
    """Numbers that must agree do."""
    assert POLICY.heartbeat_s * 2 == 10, "pages call two missed heartbeats delayed"
    assert POLICY.silence_s > POLICY.ping_s
    assert all(value > 0 for value in dataclasses.asdict(POLICY).values())


# Tickets and addresses.


class Once:
    """The store's check that a ticket is used once; `down` is the error that it raises instead."""

    def __init__(self):
        self.answered, self.down = set(), None

    async def claim(self, name, *, ttl_ms):
        assert 0 < ttl_ms <= 61_000
        if self.down:
            raise self.down
        return name not in self.answered and not self.answered.add(name)


NAME = "abcdefghijklmnop"


async def test_a_ticket_counts_once_in_all_processes_together():
    """What one process has seen opens nothing in another, and two at the same moment are one."""
    store = Once()
    one, other = Tickets(store, 10), Tickets(store, 10)
    assert sorted(await asyncio.gather(one.spend(NAME, 160, 100), one.spend(NAME, 160, 100))) == [False, True]
    assert not await other.spend(NAME, 160, 100)
    assert await other.spend(NAME.upper(), 160, 100)


async def test_with_the_store_away_a_ticket_counts_once_in_its_process():
    """Pages still get their sockets, and none of them two from one ticket."""
    store = Once()
    store.down = StoreUnavailable("away")
    tickets = Tickets(store, 10)
    assert await tickets.spend(NAME, 160, 100)
    store.down = None
    assert not await tickets.spend(NAME, 160, 130)


async def test_a_ticket_without_a_proper_name_counts_never():
    """No name, and what could be part of another key."""
    tickets = Tickets(Once(), 10)
    for name in ("", "short", "a" * 65, "abcdefghijklmno:", "abcdefghijklmno\n"):
        assert not await tickets.spend(name, 160, 100)


async def test_used_tickets_are_remembered_until_they_expire_and_no_more_than_fit():
    """Room for none means no socket; room comes as tickets expire."""
    tickets = Tickets(Once(), 2)
    assert await tickets.spend(NAME + "1", 160, 100)
    assert await tickets.spend(NAME + "2", 161, 101)
    assert not await tickets.spend(NAME + "3", 162, 102)
    assert await tickets.spend(NAME + "4", 221, 161)
    assert len(tickets) == 2


@pytest.mark.parametrize(
    ("offered", "ticket"),
    [
        (["mullion.live", "mullion.ticket.a.b.c"], "a.b.c"),
        (["mullion.ticket.a.b.c", "mullion.live"], "a.b.c"),
        (["mullion.ticket.a.b.c"], ""),
        (["mullion.live"], ""),
        (["mullion.live", "mullion.ticket.a", "mullion.ticket.b"], ""),
        ([], ""),
    ],
)
def test_a_handshake_offers_one_ticket_beside_the_protocol(offered, ticket):
    """Two tickets are none: nobody has to guess which of them counts."""
    assert ticket_in(offered) == ticket


def test_an_address_holds_so_many_sockets_and_others_as_many():
    """What is over makes room again, and an address with none is forgotten."""
    addresses = Addresses(2)
    assert [addresses.enter("10.0.0.1") for _ in range(3)] == [True, True, False]
    assert addresses.enter("10.0.0.2")
    addresses.leave("10.0.0.1")
    assert addresses.enter("10.0.0.1")
    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2"):
        addresses.leave(address)
    assert len(addresses) == 0
    assert all(addresses.enter("") for _ in range(5))


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.7", 4711), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("unix", 0), "unix"),
        (None, ""),
    ],
)
def test_an_address_is_whom_it_belongs_to(client, address):
    """An IPv6 client has its whole network to speak from, which counts as one."""
    assert address_of({"client": client}) == address


# The topics that exist.


class Shelf:
    """A store with the records of a test."""

    def __init__(self, **records):
        self.records = records

    async def read(self, topics, feeds, *, keys, divided):
        made = {t: Record(t, b"null", NOON, ("e", 1), "tables") if t in self.records else None for t in topics}
        return Snapshot(NOON, made, {feed: FeedFreshness(feed, "live", NOON, 0.0) for feed in feeds})


NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


async def test_a_table_that_does_not_exist_is_known_by_the_list_of_those_that_do():
    """Only the list can say so: a store that was flushed knows of no table, and refuses none."""
    shelf = Shelf(**{"tables": 1, "tables.r1": 1})
    read = await read_snapshots(shelf, ["tables.r1", "tables.x", "wallet.pl_amber", "feed.tables"])
    assert (set(read.messages), read.unknown) == ({"tables.r1", "feed.tables"}, {"tables.x"})
    assert (await read_snapshots(Shelf(), ["tables.x"])).unknown == set()


@pytest.mark.parametrize("topic", ["feed.nothing", "feed.", "feed.tables.x", "promotions.x", "receipts.r", "limits.pl"])
def test_a_topic_of_no_known_name_is_nobodys(topic):
    """What the house does not have is refused at once."""
    assert not may_follow("pl_amber", topic, topic_bytes_max=200)


async def test_a_players_own_topics_are_never_refused_because_others_hold_many():
    """Neither the process's bound nor the page's own counts against a wallet, and what everybody may follow neither."""
    hub = Hub("redis://127.0.0.1:1/0", replace(POLICY, process_tables_max=3, topics_max=3))
    crowd, amber = socket(), socket("pl_amber")
    await hub.subscribe(crowd, [f"tables.invented{n}" for n in range(9)])
    assert len(crowd.topics) == 3
    await hub.subscribe(amber, ["tables.r1", "tables", "feed.tables", "promotions", "feed.ledger"])
    await hub.subscribe(amber, ["wallet.pl_amber", "claims.pl_amber", "wallet.pl_birch"])
    assert amber.topics == {"tables", "feed.tables", "promotions", "wallet.pl_amber", "claims.pl_amber"}
    hub.leave(crowd)
    hub.unsubscribe(amber, ["promotions"])
    await hub.subscribe(amber, ["tables.r1"])
    assert "tables.r1" in amber.topics
    await hub.aclose()
