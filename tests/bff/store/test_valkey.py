"""The query store on a real Valkey."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bff.store import LeaseState, Put, Store, StorePolicy, StoreUnavailable
from tests.support.free_ports import free_port
from tests.support.valkey_cluster import ValkeyCluster
from tests.support.valkey_server import ValkeyServer

# Time limits are so many times the promise, for a machine that may be busy.
BUSY = 5

# Tests that are not about limits must not fail because the machine is busy.
PATIENT = StorePolicy(connect_ms=5000, op_ms=5000, breaker_failures=1000)


@pytest.fixture(scope="module", params=["one", pytest.param("cluster", marks=pytest.mark.full)])
def server(request):
    with ValkeyServer() if request.param == "one" else ValkeyCluster() as running:
        yield running


@pytest.fixture
async def store(server):
    server.flush()
    opened = Store.connect(server.url, PATIENT)
    yield opened
    await opened.aclose()


async def hear(store, patterns=("*",)):
    """Messages in a list that grows, and the task that fills it."""
    messages = []

    async def fill():
        async for message in store.listen(patterns):
            messages.append(message)

    task = asyncio.create_task(fill())
    await asyncio.sleep(0.1)
    return messages, task


async def settled(condition, within_s=30.0):
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.01)


async def test_put_then_get_gives_the_data_with_the_store_clock(store):
    """A record comes back as written, stamped by the store."""
    assert await store.put("tables.r1", {"seats": 3, "empty": []}, feed="tables")
    record = await store.get("tables.r1")
    assert record.data == {"seats": 3, "empty": []}
    assert record.feed == "tables"
    assert record.sequence[1] == 1
    assert abs((datetime.now(UTC) - record.as_of).total_seconds()) < 2
    assert await store.get("tables.unknown") is None


async def test_only_changed_data_is_told_and_counted(store):
    """The same data again moves `as_of` and nothing else."""
    messages, task = await hear(store)
    for seats in (1, 1, 2):
        await store.put("tables.r1", {"seats": seats}, feed="tables")
    await settled(lambda: len(messages) == 2)
    await asyncio.sleep(0.05)
    assert [(m.topic, m.seq[1], m.data) for m in messages] == [
        ("tables.r1", 1, {"seats": 1}),
        ("tables.r1", 2, {"seats": 2}),
    ]
    assert messages[0].state == "live"
    assert abs((datetime.now(UTC) - messages[0].as_of).total_seconds()) < 2
    task.cancel()


async def test_a_record_that_may_only_be_moved_is_not_written_anew(store):
    """Past what it is it goes on; past anything else, or gone, it stays as it is."""

    async def moved(past, to):
        return await store.put_many([Put("projection.p", {"n": to[1]}, "ledger", to, past=past)])

    assert await moved(("a", 1), ("a", 2)) == [False]
    assert await store.get("projection.p") is None
    await store.put("projection.p", {"n": 9}, feed="ledger", sequence=("a", 9))
    assert await moved(("a", 8), ("a", 10)) == [False]
    assert await moved(("b", 9), ("b", 10)) == [False]
    assert await moved(("a", 9), ("a", 10)) == [True]
    assert (await store.get("projection.p")).sequence == ("a", 10)


async def test_older_sequence_is_not_applied_and_a_later_epoch_is(store):
    """Replays and reordering can not take a record back; a later epoch can, and an earlier one that comes late can not:
    a projector that was held up does not undo its successor's work."""
    changes = [("a", 5), ("a", 4), ("a", 5), ("b", 1), ("a", 6), ("b", 2)]
    put = [Put("wallet.p", {"n": n}, "ledger", (epoch, n)) for epoch, n in changes]
    assert await store.put_many(put) == [True, False, False, True, False, True]
    assert ((await store.get("wallet.p")).sequence, (await store.get("wallet.p")).data) == (("b", 2), {"n": 2})


async def test_record_with_a_term_is_forgotten_and_one_without_is_kept(store):
    """Receipts leave by themselves; what is put again without a term stays."""
    await store.put_many([Put("a", 1, "ledger", keep_s=1), Put("b", 1, "ledger", keep_s=1), Put("b", 1, "ledger")])
    await asyncio.sleep(1.1)
    assert (await store.get("a"), (await store.get("b")).data) == (None, 1)


async def test_flushed_store_counts_under_another_epoch(store, server):
    """After a flush `1` must not look older than the `7` a page holds."""
    await store.put("tables.r1", 1, feed="tables")
    before = (await store.get("tables.r1")).sequence
    server.flush()
    other = Store.connect(server.url, PATIENT)
    await other.put("tables.r1", 2, feed="tables")
    after = (await other.get("tables.r1")).sequence
    assert before[0] != after[0]
    await other.aclose()


async def test_feed_never_heard_is_down_and_a_beat_makes_it_live(store):
    """No heartbeat, no belief."""
    assert (await store.freshness("tables")).state == "down"
    await store.heartbeat("tables")
    fresh = await store.freshness("tables")
    assert (fresh.state, fresh.detail) == ("live", "")
    assert fresh.age_s < 1


async def test_reported_failure_keeps_the_time_at_which_the_feed_was_last_heard(store):
    """`as_of` is when the data was last known true, not when somebody said that it is not."""
    await store.heartbeat("tables")
    beat_at = (await store.freshness("tables")).as_of
    await asyncio.sleep(0.05)
    await store.heartbeat("tables", "stale", "connect")
    failing = await store.freshness("tables")
    assert (failing.state, failing.detail, failing.as_of) == ("stale", "connect", beat_at)


async def test_changed_state_is_told_once_however_many_look(store):
    """Ten processes that notice the same silence tell it once."""
    messages, task = await hear(store, ["feed.*"])
    for _ in range(3):
        await store.heartbeat("engine", data={"payments": "up"})
    await store.heartbeat("engine", data={"payments": "down"})
    await store.heartbeat("engine", "stale", "cut", data={"payments": "down"})
    await asyncio.gather(*(store.announce() for _ in range(10)))
    await settled(lambda: len(messages) == 3)
    await asyncio.sleep(0.05)
    assert [(m.topic, m.seq[1], m.state, m.data) for m in messages] == [
        ("feed.engine", 1, "live", {"detail": "", "data": {"payments": "up"}}),
        ("feed.engine", 2, "live", {"detail": "", "data": {"payments": "down"}}),
        ("feed.engine", 3, "stale", {"detail": "cut", "data": {"payments": "down"}}),
    ]
    task.cancel()


async def test_silence_is_told_by_whoever_looks(store, monkeypatch):
    """A feed that merely stops is announced as stale, then as down."""
    from bff.store.policy import FEED_POLICIES, FeedPolicy

    monkeypatch.setitem(FEED_POLICIES, "tables", FeedPolicy(stale_after_s=0.1, down_after_s=0.3))
    messages, task = await hear(store, ["feed.tables"])
    await store.heartbeat("tables")
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        await store.announce()
        await asyncio.sleep(0.02)
    assert [m.state for m in messages] == ["live", "stale", "down"]
    task.cancel()


async def test_read_is_one_look_at_records_and_feeds(store):
    """Records and the freshness that goes with them come from one round trip."""
    await store.put("promotions.EUR", [1], feed="promotions")
    await store.heartbeat("promotions")
    look = await store.read(["promotions.EUR", "none"], ["promotions", "ledger"])
    assert look.records["promotions.EUR"].decode(list[int]) == [1]
    assert look.records["none"] is None
    assert (look.feeds["promotions"].state, look.feeds["ledger"].state) == ("live", "down")


async def test_record_from_before_its_feeds_epoch_is_not_standing(store):
    """A feed that has told everything in a later epoch speaks for no record of an earlier one; nobody else does."""
    await store.put_many([Put("wallet.p", 1, "ledger", ("b", 7)), Put("tables", 1, "tables")])
    for epoch, stands in [("a", True), ("b", True), ("c", False)]:
        await store.heartbeat("ledger", data={"epoch": epoch})
        look = await store.read(["wallet.p", "tables", "none"], ["ledger", "tables"])
        assert (look.current("wallet.p") is not None) == stands
        assert look.current("tables")
        assert look.current("none") is None
    assert (await store.read(["wallet.p"])).current("wallet.p"), "whoever does not look at the feed sees the record"


async def test_lease_has_one_holder_until_it_ends(store):
    """One reader per provider: the second waits for the lease to run out or be given back."""
    assert await store.lease("reader", "one", ttl_ms=80) is LeaseState.TAKEN
    assert await store.lease("reader", "one", ttl_ms=80) is LeaseState.RENEWED
    assert not await store.lease("reader", "two", ttl_ms=80)
    await asyncio.sleep(0.12)
    assert await store.lease("reader", "two", ttl_ms=1000)
    await store.release("reader", "one")
    assert not await store.lease("reader", "one", ttl_ms=80)
    await store.release("reader", "two")
    assert await store.lease("reader", "one", ttl_ms=80)


async def test_refused_store_fails_fast_and_typed():
    """Nobody listens: one typed error, at once."""
    store = Store.connect(f"redis://127.0.0.1:{free_port()}/0")
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await store.get("tables")
    assert time.monotonic() - began < 5
    await store.aclose()


async def test_hung_store_costs_one_limit_then_nothing_and_heals():
    """A store that keeps its sockets open and says nothing is given up on within the limit, and found again."""
    with ValkeyServer() as server:
        store = Store.connect(server.url)
        await store.put("t", 1, feed="tables")
        server.hang()
        for _ in range(5):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await store.get("t")
            assert time.monotonic() - began < 5
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="left alone"):
            await store.get("t")
        assert time.monotonic() - began < 2
        server.resume()
        await settled_get(store, within_s=30.0)
        await store.aclose()


async def test_restarted_store_heals_with_lost_scripts_and_old_sockets():
    """A restart forgets scripts and cuts pooled connections; neither shows after two seconds."""
    with ValkeyServer() as server:
        store = Store.connect(server.url, PATIENT)
        await asyncio.gather(*(store.put(f"t{n}", n, feed="tables") for n in range(20)))
        await store.get("t1")
        server.stop()
        with pytest.raises(StoreUnavailable):
            await store.get("t1")
        server.start()
        await settled_get(store, within_s=BUSY * 2)
        await asyncio.gather(*(store.put(f"t{n}", n, feed="tables") for n in range(20)))
        assert (await store.get("t7")).data == 7
        await store.aclose()


async def test_listener_hears_that_the_store_is_gone():
    """A subscription ends with the typed error, so that its owner reads everything again."""
    with ValkeyServer() as server:
        store = Store.connect(server.url, PATIENT)
        messages, task = await hear(store)
        await store.put("t", 1, feed="tables")
        await settled(lambda: len(messages) == 1)
        server.stop()
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(task, 30)
        await store.aclose()


async def settled_get(store, within_s):
    end = time.monotonic() + within_s
    while True:
        try:
            return await store.get("t")
        except StoreUnavailable:
            assert time.monotonic() < end, "the store did not heal in time"
            await asyncio.sleep(0.02)


async def test_shadow_is_seen_by_nobody_until_it_is_swapped_in_whole(store):
    """What is made in a shadow shows nowhere and is told to nobody; the swap changes, keeps and removes in one step."""
    await store.put_many(
        [Put(topic, {"old": topic}, "ledger", ("a", 4)) for topic in ("wallet.p", "limits.p", "month.p.1")]
    )
    messages, task = await hear(store)
    made = [Put("wallet.p", {"new": 1}, "ledger", ("a", 5)), Put("limits.p", {"old": "limits.p"}, "ledger", ("a", 5))]
    await store.put_shadow("run_1", [*made, Put("receipt.r", {"new": 2}, "ledger", ("a", 2), keep_s=100)])
    topics = ["wallet.p", "limits.p", "month.p.1", "receipt.r"]
    seen = await store.get_many(topics)
    assert [each and each.data for each in seen.values()] == [{"old": topic} for topic in topics[:3]] + [None]
    assert (await store.get_many(topics, shadow="run_1"))["wallet.p"].data == {"new": 1}
    assert await store.swap("run_1", topics, feed="ledger", sequence=("a", 5))
    seen = await store.get_many(topics)
    assert [each and (each.data, each.sequence) for each in seen.values()] == [
        ({"new": 1}, ("a", 5)),
        ({"old": "limits.p"}, ("a", 5)),
        None,
        ({"new": 2}, ("a", 2)),
    ]
    assert not any((await store.get_many(topics, shadow="run_1")).values())
    await settled(lambda: len(messages) == 2)
    await asyncio.sleep(0.05)
    assert {(each.topic, each.seq) for each in messages} == {("wallet.p", ("a", 5)), ("receipt.r", ("a", 2))}
    task.cancel()


async def test_shadow_never_replaces_what_is_as_new(store):
    """A swap that comes late, or a second time, changes nothing; what it would have brought can be forgotten."""
    for standing in (("a", 5), ("a", 6), ("b", 1)):
        await store.put("wallet.p", {"at": standing}, feed="ledger", sequence=standing)
        await store.put_shadow("run_2", [Put("wallet.p", {"late": True}, "ledger", ("a", 5))])
        assert not await store.swap("run_2", ["wallet.p"], feed="ledger", sequence=("a", 5))
        assert (await store.get("wallet.p")).data == {"at": list(standing)}
    await store.delete_shadow("run_2", ["wallet.p"])
    assert not (await store.get_many(["wallet.p"], shadow="run_2"))["wallet.p"]


async def test_shadows_that_nobody_swaps_are_forgotten_and_swapped_records_are_not(server):
    """What is left of a rebuild that was given up goes by itself; a record that was swapped in stays as long as any."""
    store = Store.connect(server.url, replace(PATIENT, shadow_ms=150))
    put = [Put(f"wallet.{name}", {"n": 1}, "ledger", ("a", 1)) for name in ("kept", "left")]
    await store.put_shadow("run_3", put)
    assert await store.swap("run_3", ["wallet.kept"], feed="ledger", sequence=("a", 1))
    await asyncio.sleep(0.3)
    assert not any((await store.get_many(["wallet.kept", "wallet.left"], shadow="run_3")).values())
    assert (await store.get("wallet.kept")).data == {"n": 1}
    with pytest.raises(ValueError, match="needs a sequence"):
        await store.put_shadow("run_3", [Put("wallet.kept", {}, "ledger")])
    await store.aclose()


async def test_a_feed_of_parts_is_live_while_all_of_them_are(store):
    """It was heard when the one was that is silent for longest, and one that says otherwise is believed at once."""
    for part in (0, 1):
        await store.heartbeat_of_part("ledger", part, 3, data={"epoch": "e1"})
    assert (await store.freshness("ledger")).as_of is None, "the third has not been heard"
    await store.heartbeat_of_part("ledger", 2, 3, data={"epoch": "e1"})
    ledger = await store.freshness("ledger")
    assert (ledger.state, ledger.epoch) == ("live", "e1")
    assert ledger.as_of == (await store.freshness("ledger.0")).as_of
    await store.heartbeat_of_part("ledger", 1, 3, "stale", "feed_stale")
    for part in (0, 2):
        await store.heartbeat_of_part("ledger", part, 3, data={"epoch": "e1"})
    ledger = await store.freshness("ledger")
    assert (ledger.state, ledger.detail, ledger.epoch) == ("stale", "feed_stale", "e1")
    await store.heartbeat_of_part("ledger", 1, 3, data={"epoch": "e1"})
    assert (await store.freshness("ledger")).state == "live"


async def test_a_feed_of_parts_says_an_epoch_only_when_all_of_them_say_it(store):
    """Until then records of the epoch before are what is shown."""
    for part in (0, 1):
        await store.heartbeat_of_part("ledger", part, 2, data={"epoch": "e1"})
    await store.heartbeat_of_part("ledger", 0, 2, data={"epoch": "e2"})
    assert (await store.freshness("ledger")).epoch == "e1"
    await store.heartbeat_of_part("ledger", 1, 2, data={"epoch": "e2"})
    assert (await store.freshness("ledger")).epoch == "e2"


async def test_members_are_counted_until_they_leave_or_fall_silent(store):
    assert [await store.join("projector", name, ttl_ms=60_000) for name in ("a", "b", "a")] == [1, 2, 2]
    await store.leave("projector", "a")
    assert await store.join("projector", "b", ttl_ms=1) == 1
    await asyncio.sleep(0.05)
    assert await store.join("projector", "c", ttl_ms=60_000) == 1
