"""A projector of one of several partitions: what it counts, where it checkpoints, and which players it is responsible
for."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

from bff.broker import BROKER, connect
from bff.contracts.event import Event
from bff.contracts.ledger import HEARTBEAT, LEDGER_STREAM, REPLAY_REQUESTED, LedgerHeartbeat
from bff.contracts.ledger_partition import partition_of
from bff.contracts.player_context import PlayerContext
from bff.contracts.wallet import SCOPE_READ, wallet_topic
from bff.live.snapshots import read_snapshots
from bff.queries.checkpoint import CHECKPOINT_TOPIC, checkpoint_topic
from bff.queries.partition_work import PartitionWork
from bff.queries.policy import QueriesPolicy
from bff.queries.projector_steps import PROJECTOR, Projector
from bff.queries.view_request import ViewRequest
from bff.queries.views.wallet import wallet_view
from bff.store import Store, StorePolicy
from tests.bff.projector.test_forgotten import NOW, Broker, Reader, first_deposit

PATIENT = StorePolicy(connect_ms=5000, op_ms=5000, breaker_failures=1000)
QUICK = replace(PROJECTOR, share_s=0.02)
BLOCKING_MS = 30


@pytest.fixture
async def store(valkey):
    opened = Store.connect(valkey.url, PATIENT)
    yield opened
    await opened.aclose()


def heartbeat(position, epoch="e1", partitions=2, event_id=""):
    data = msgspec.to_builtins(LedgerHeartbeat((epoch, position), event_id, partitions))
    event = Event(f"b-{epoch}-{position}", HEARTBEAT, 1, "ledger:1", (epoch, position), NOW, data)
    return type(first_deposit("pl_a", 1))(event.id, event, 1, 0.0)


def projectors(store, partitions=2):
    return [Projector(store, Broker(), Reader(), partition=place, partitions=partitions) for place in range(partitions)]


async def ledger(store):
    return await store.freshness("ledger")


async def test_partitions_count_the_same_positions_of_different_events(store):
    """Each has its own first event and its own checkpoint; nothing of one denies or hides what is in another."""
    one, two = projectors(store)
    await one.handle([first_deposit("pl_a", 1), first_deposit("pl_b", 2), heartbeat(2)])
    await two.handle([first_deposit("pl_c", 1), heartbeat(1)])
    assert (await store.get(CHECKPOINT_TOPIC)).sequence == ("e1", 2)
    assert (await store.get(checkpoint_topic(1))).sequence == ("e1", 1)
    assert one.broker.published == two.broker.published == []
    assert ((await ledger(store)).state, (await ledger(store)).epoch) == ("live", "e1")


async def test_wallets_are_live_only_while_every_partition_is(store):
    """One that has not come as far as the ledger says holds the word back for all."""
    one, two = projectors(store)
    await two.handle([heartbeat(3)])
    await one.handle([first_deposit("pl_a", 1), heartbeat(1)])
    assert (await ledger(store)).as_of is None
    await two.handle([first_deposit(f"pl_{n}", n) for n in (1, 2, 3)])
    await two.handle([replace(heartbeat(3), at="b-later")])
    assert (await ledger(store)).state == "live"


async def test_a_partition_that_the_ledger_denies_makes_the_feed_stale(store):
    """Another one that is well can not call it live again."""
    one, two = projectors(store)
    for each in (one, two):
        await each.handle([first_deposit(f"pl_{id(each)}", 1), heartbeat(1)])
    assert (await ledger(store)).state == "live"
    other = first_deposit("pl_z", 1)
    await two.handle([replace(other, event=msgspec.structs.replace(other.event, id="another"))])
    await one.handle([replace(heartbeat(1), at="b-again")])
    assert (await ledger(store)).state == "stale"


async def wallet(store, player):
    """Freshness and balance in the player's view."""
    context = PlayerContext(player, "wallet", "EUR", "en-GB", frozenset((SCOPE_READ,)), 2**40)
    view = await wallet_view(store, ViewRequest({}, context), QueriesPolicy())
    return view.freshness.state, view.data and view.data.balances.real_minor


async def test_a_partition_that_the_ledger_denies_makes_the_wallets_of_its_own_players_stale(store):
    """The others are as live as they were, and stay so while theirs is heard."""
    one, two = projectors(store)
    names = {partition_of(f"player:pl_{n}", 2): f"pl_{n}" for n in range(8)}
    for place, each in enumerate((one, two)):
        await each.handle([first_deposit(names[place], 1), heartbeat(1)])
    balance = (await wallet(store, names[0]))[1]
    assert balance
    other = first_deposit("pl_z", 1)
    await two.handle([replace(other, event=msgspec.structs.replace(other.event, id="another"))])
    await one.handle([replace(heartbeat(1), at="b-again")])
    assert await wallet(store, names[0]) == ("live", balance)
    assert await wallet(store, names[1]) == ("stale", balance)


async def test_the_number_of_partitions_is_what_the_latest_epoch_says(store):
    """A heartbeat of an epoch before, from a relay that was held up, changes nothing."""
    reports = []
    projector = Projector(store, Broker(), Reader(), on_partitions=lambda *each: reports.append(each))
    await projector.handle([heartbeat(0, "e2", 3), heartbeat(0, "e1", 1)])
    assert reports == [("e2", 3)]


async def test_a_store_that_forgot_a_partition_is_asked_for_again(store):
    """The checkpoint of that partition is gone; the others' do not stand in for it."""
    _, two = projectors(store)
    await two.handle([first_deposit("pl_a", 1), heartbeat(1)])
    await store._connection.pipeline([("DEL", f"view:{checkpoint_topic(1)}")])
    await two.handle([first_deposit("pl_b", 2), heartbeat(2)])
    [request] = [each.data for each in two.broker.events if each.type == REPLAY_REQUESTED]
    assert (request["epoch"], request["partition"]) == ("e1", 1)


async def test_a_partition_in_an_epoch_of_its_own_hides_what_it_lacks_from_its_own_players(store):
    """A player whom it has not told again is not in the ledger; the others stay where they are, in what is read."""
    one, two = projectors(store)
    names = {partition_of(f"player:pl_{n}", 2): f"pl_{n}" for n in range(8)}
    for place, each in enumerate((one, two)):
        await each.handle([first_deposit(names[place], 1), heartbeat(1)])
    balance = (await wallet(store, names[0]))[1]
    record = await store.get(wallet_topic(names[0]))
    await two.handle([heartbeat(0, "e2")])
    await one.handle([replace(heartbeat(1), at="b-again")])
    assert await wallet(store, names[0]) == ("live", balance)
    assert await wallet(store, names[1]) == ("live", 0)
    assert await store.get(wallet_topic(names[0])) == record
    read = await read_snapshots(store, [wallet_topic(name) for name in names.values()])
    assert {topic: message.state for topic, message in read.messages.items()} == {wallet_topic(names[0]): "live"}


async def until(condition):
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 (what is waited for stands in the store)
            await asyncio.sleep(0.01)


@pytest.fixture
async def working(valkey):
    """Projectors by name that share the streams; each stops when it is told to."""
    broker, started = connect(valkey.url, replace(BROKER, block_ms=BLOCKING_MS)), {}

    def start(name):
        store, stopping = Store.connect(valkey.url, PATIENT), asyncio.Event()
        work = PartitionWork(store, broker, name, broker.policy, QUICK)
        started[name] = (work, stopping, asyncio.create_task(work.run(stopping)), store)
        return work

    async def stop(name):
        _, stopping, task, store = started.pop(name)
        stopping.set()
        await task
        await store.aclose()

    start.stop, start.broker = stop, broker
    yield start
    for name in list(started):
        await stop(name)
    await broker.aclose()


def held(work):
    return set(work.state().get("partitions", {}))


async def test_a_second_projector_takes_its_part_and_leaves_it_again_while_events_flow(store, working):
    """Each event is applied, whoever holds its partition when it comes; what each holds is on its health page."""
    one = working("one")
    players = [f"pl_{n}" for n in range(12)]

    async def publish(numbers):
        for n in numbers:
            place, position = n % 3, n // 3 + 1
            event = msgspec.structs.replace(first_deposit(players[n], position).event)
            await working.broker.publish(LEDGER_STREAM, [event], partition=place)

    async def shown(count):
        records = await store.get_many(f"wallet.{player}" for player in players[:count])
        return all(records.values())

    await working.broker.publish(LEDGER_STREAM, [heartbeat(0, partitions=3).event])
    await publish(range(6))
    await until(lambda: shown(6))
    assert held(one) == {"0", "1", "2"}
    two = working("two")

    async def is_shared():
        return len(held(one)) == 2 and len(held(two)) == 1 and not held(one) & held(two)

    await until(is_shared)
    await publish(range(6, 9))
    await until(lambda: shown(9))
    await working.stop("one")
    await publish(range(9, 12))
    await until(lambda: shown(12))
    assert held(two) == {"0", "1", "2"}
    assert two.state()["lost"] == ""
    assert repr(two) == "<PartitionWork [0, 1, 2] of 3>"


async def test_a_projector_whose_store_is_away_goes_on_with_what_it_holds(valkey, working):
    """Nobody can take it meanwhile, and it is not given up."""
    one = working("one")

    async def has_work():
        return one.state()["at"] is not None

    await working.broker.publish(LEDGER_STREAM, [heartbeat(0, partitions=1).event])
    await until(has_work)
    real, one._share.refresh = one._share.refresh, _away
    await asyncio.sleep(5 * QUICK.share_s)
    one._share.refresh = real
    assert one.state()["at"] == ("e1", 0)


async def _away(_working, _ending):
    from bff.store import StoreUnavailable

    raise StoreUnavailable("away")
