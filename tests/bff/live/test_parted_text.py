"""Which part of a feed a page is sent, without I/O."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bff.contracts.ledger_partition import aggregate_of_player, partition_of
from bff.contracts.live import LiveMessage
from bff.live.fanout import Fanout
from bff.live.hub import Hub
from bff.live.parted_text import PartedText
from bff.live.policy import LivePolicy
from bff.live.snapshots import read_snapshots
from bff.live.socket import Socket
from bff.store import FeedFreshness, Snapshot

pytestmark = pytest.mark.quick

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
TOPIC = "feed.ledger"
POLICY = LivePolicy()


def players(count):
    """One player of each of `count` parts, in the parts' order."""
    found = {partition_of(aggregate_of_player(f"pl_{n}"), count): f"pl_{n}" for n in range(64)}
    return [found[part] for part in range(count)]


def socket(player=""):
    async def unsent(message):
        raise AssertionError("nothing is sent before a writer waits")

    return Socket(POLICY, 0.0, unsent, player)


def texts(states, n, whole="stale", epoch="e1"):
    def message(state):
        return LiveMessage(TOPIC, ("s", n), NOON, state, {"detail": "", "data": {"epoch": epoch}})

    return PartedText(message(whole), [message(state) for state in states])


def drained(page):
    """Number and state of each message that waits for the page."""
    found = []
    while isinstance(text := page.box.pop(), str):
        message = json.loads(text)
        found.append((message["seq"][1], message["state"]))
    return found


def test_each_player_hears_their_own_part_and_a_visitor_the_whole():
    """In the words of any feed: what a page makes of it is the same for one part and for many."""
    parted = texts(["live", "down", "stale"], 7, whole="down")
    assert [json.loads(parted.text(player))["state"] for player in players(3)] == ["live", "down", "stale"]
    assert json.loads(parted.text("")) == {
        "topic": "feed.ledger",
        "seq": ["s", 7],
        "as_of": "2030-01-01T12:00:00Z",
        "state": "down",
        "data": {"detail": "", "data": {"epoch": "e1"}},
    }
    assert repr(parted) == "<PartedText ['live', 'down', 'stale', 'down']>"


def test_a_page_hears_nothing_of_what_happens_in_other_parts():
    """Only those whose part has changed are told, however often another one does; who comes late hears what is so."""
    fanout, visitor = Fanout(), socket()
    first, second = (socket(player) for player in players(2))
    for page in (first, second, visitor):
        fanout.follow(page, TOPIC)
    fanout.adopt(TOPIC, ("s", 1), texts(["live", "live"], 1, whole="live"))
    assert [drained(page) for page in (first, second, visitor)] == [[(1, "live")]] * 3
    fanout.adopt(TOPIC, ("s", 2), texts(["live", "stale"], 2))
    fanout.adopt(TOPIC, ("s", 3), texts(["live", "down"], 3, whole="down"))
    fanout.adopt(TOPIC, ("s", 4), texts(["live", "down"], 4, whole="down"))
    assert [drained(page) for page in (first, second, visitor)] == [[], [(3, "down")], [(3, "down")]]
    late = [socket(player) for player in players(2)]
    for page in late:
        assert fanout.follow(page, TOPIC) is False
    assert [drained(page) for page in late] == [[(4, "live")], [(4, "down")]]


def test_a_part_in_another_epoch_is_news_to_its_own_players():
    """The state is the same; what they are shown was told again."""
    fanout, page = Fanout(), socket("pl_a")
    fanout.follow(page, TOPIC)
    fanout.adopt(TOPIC, ("s", 1), texts(["live"] * 2, 1))
    fanout.adopt(TOPIC, ("s", 2), texts(["live"] * 2, 2, epoch="e2"))
    assert drained(page) == [(2, "live")]


def test_another_number_of_parts_is_a_later_word_to_whoever_comes_to_another_part():
    """All parts are counted by one number, and so is the feed that has no parts any more."""
    fanout, page = Fanout(), socket("pl_a")
    fanout.follow(page, TOPIC)
    for n, text in enumerate((texts(["stale"] * 2, 1), texts(["live"] * 3, 2), texts(["stale"] * 5, 3))):
        fanout.adopt(TOPIC, ("s", n), text)
        assert drained(page) == [(n + 1, ["stale", "live", "stale"][n])]
    whole = json.dumps({"seq": ["s", 4], "state": "live"})
    assert fanout.offer(TOPIC, ("s", 4), whole)
    assert drained(page) == [(4, "live")]
    assert fanout.adopt(TOPIC, ("s", 5), texts(["live"] * 2, 5))
    assert drained(page) == [(5, "live")]


class Shelf:
    """A store with a ledger whose parts are in `states`."""

    def __init__(self, *states):
        self.states = list(states)

    async def read(self, topics, feeds, *, keys, divided):
        whole = {feed: FeedFreshness(feed, "stale", NOON, 0.0, sequence=("s", 4)) for feed in feeds}
        parts = {
            f"ledger.{n}": replace(whole["ledger"], state=state, sequence=("s", n + 100))
            for n, state in enumerate(self.states)
            if state and "ledger" in divided
        }
        return Snapshot(NOON, dict.fromkeys(topics), whole, parts, {"ledger": len(self.states)})

    async def aclose(self): ...


async def test_a_snapshot_says_what_each_part_does_under_the_number_of_the_feed():
    """A part of which nothing is known is as the whole is, and a feed without parts has none."""
    read = await read_snapshots(Shelf("live", None, "down"), [TOPIC, "feed.engine"])
    assert [(part.seq, part.state) for part in read.parts[TOPIC]] == [
        (("s", 4), "live"),
        (("s", 4), "stale"),
        (("s", 4), "down"),
    ]
    assert set(read.parts) == {TOPIC}
    assert read.messages[TOPIC].state == "stale"
    assert (await read_snapshots(Shelf("live"), [TOPIC])).parts == {}


def message(n, **more):
    message = {"topic": TOPIC, "seq": ["s", n], "as_of": None, "state": "stale", "data": None, **more}
    return json.dumps(message).encode()


@pytest.mark.parametrize(
    ("states", "published", "passed_on", "read"),
    [
        (["live", "live"], {"parts": 2}, [], {TOPIC}),
        (["live", "live"], {}, [], {TOPIC}),  # a house of the previous release sends no parts
        (["live"], {}, [(5, "stale")], set()),
        (["live"], {"parts": 2}, [], {TOPIC}),
    ],
)
async def test_what_is_published_of_all_parts_is_passed_on_to_nobody_and_makes_them_be_read(
    states, published, passed_on, read
):
    """A feed that is known to have none is passed on as it comes, without a look at the store."""
    hub = Hub("redis://127.0.0.1:1/0", POLICY, Shelf(*states))
    page = socket("pl_a")
    await hub.subscribe(page, [TOPIC])
    await hub._read([TOPIC])
    hub._wanted.clear()
    drained(page)
    hub._received(f"live:{TOPIC}", message(5, **published))
    assert (drained(page), hub._wanted) == (passed_on, read)
    await hub.aclose()


async def test_what_is_published_before_the_first_snapshot_waits_for_it():
    """Nobody knows yet whether it is about all parts."""
    hub = Hub("redis://127.0.0.1:1/0", POLICY, Shelf("live", "live"))
    page = socket("pl_a")
    await hub.subscribe(page, [TOPIC])
    hub._received(f"live:{TOPIC}", message(4))
    assert drained(page) == []
    await hub._read([TOPIC])
    assert drained(page) == [(4, "live")]
    await hub.aclose()
