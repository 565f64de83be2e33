"""Several relays at once: each sends the partitions that it holds, whichever relay joins, leaves or dies."""

import asyncio
import itertools
import secrets
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from bff.broker import BROKER, BrokerUnavailable, Lag
from bff.commands.engine.policy import RELAY
from bff.commands.engine.threads import Engine
from bff.commands.ledger.models import OutboxRow, Player, RelayState
from bff.commands.management.commands.seed_demo import open_balance
from bff.commands.relay import comparison, epochs, restating, steps, unsent
from bff.commands.relay.loops import Relay
from bff.commands.relay.partition_ends import End, read_ends
from bff.commands.relay.partition_leases import PartitionLeases
from bff.commands.relay.places import Places
from bff.commands.relay.spans import Span, next_spans
from bff.contracts.ledger import HEARTBEAT
from bff.contracts.ledger_partition import partition_of
from tests.bff.commands.house.case_operators import output_of, set_partitions_at_once
from tests.support.memory_leases import MemoryLeases

PARTITIONS = 3
UNREAD_MAX = 10


class Streams:
    """A broker that records events by partition and in order; while `is_away` it refuses them. The readers of `dead`
    partitions read nothing, the others everything."""

    def __init__(self):
        self.events, self.is_away, self.dead = defaultdict(list), False, set()

    async def prepare(self, stream, partitions):
        """Nothing to prepare."""

    async def publish(self, stream, events, *, partition=0):
        if self.is_away:
            raise BrokerUnavailable("a test has taken it away")
        self.events[partition] += events

    async def lag(self, stream, group, *, partition=0):
        return Lag(len(self.events[partition]) if partition in self.dead else 0, 0.0)

    def of_players(self, place):
        return [each for each in self.events[place] if each.aggregate.startswith("player:")]


class House:
    """Relays by name with one ledger, one broker and one store of leases."""

    def __init__(self):
        self.broker, self.store, self.relays, self._engines = Streams(), MemoryLeases(), {}, []

    def start(self, name, policy=BROKER):
        engine = Engine(threads=1)
        self._engines.append(engine)
        leases = PartitionLeases(self.store, engine, name)
        self.relays[name] = Relay(self.broker, engine, engine, leases, holder=name, policy=policy)
        return self.relays[name]

    async def rounds(self, count=2):
        """Each relay renews its share and sends what is waiting."""
        for _ in range(count):
            for relay in self.relays.values():
                await relay.leases.refresh()
                while await relay._step():
                    pass
                # The sent rows are marked, and partitions that it gives up are released.
                await relay._step()

    async def opened(self, count):
        return await self._engines[0].run(opened, count)

    def held(self):
        return [relay.state()["partitions"] for relay in self.relays.values()]

    def close(self):
        for engine in self._engines:
            engine.close()


def opened(count, places=range(PARTITIONS)):
    """So many players in each of the `places`."""
    players = []
    for place in itertools.islice(itertools.cycle(places), count):
        names = (f"pl_{secrets.token_hex(5)}" for _ in itertools.count())
        players.append(next(each for each in names if partition_of(f"player:{each}", PARTITIONS) == place))
        open_balance(players[-1], "GBP", 4000)
    return players


def scenario(play):
    """`play(house)` over three partitions whose events have all been sent."""

    async def run():
        house = House()
        try:
            with override_settings(LEDGER_PARTITIONS=PARTITIONS):
                first = house.start("first")
            await house.rounds()
            assert first.state()["partitions"] == [0, 1, 2]
            house.broker.events.clear()
            with override_settings(LEDGER_PARTITIONS=PARTITIONS):
                await play(house)
        finally:
            house.close()

    asyncio.run(run())


@pytest.fixture(scope="module", autouse=True)
def _several(django_db_blocker):
    with django_db_blocker.unblock():
        set_partitions_at_once(PARTITIONS)
        yield
        set_partitions_at_once(1)


def drain():
    """Send everything that there is to nobody."""
    now, batch = datetime.now(UTC), None
    while restating.restate_some(now):
        pass
    while batch is None or batch.rows:
        batch = steps.next_batch(frozenset(range(PARTITIONS)), batch, now, events_max=5000)


def check(broker):
    """Every event is in its player's partition once, numbered without gaps, each player's in order."""
    for place in range(PARTITIONS):
        events = broker.of_players(place)
        assert all(partition_of(each.aggregate, PARTITIONS) == place for each in events)
        positions = [each.position[1] for each in events]
        assert all(after == before + 1 for before, after in itertools.pairwise(positions))
        assert [each.previous_id for each in events[1:]] == [each.id for each in events[:-1]]
        sequences = defaultdict(list)
        for each in events:
            sequences[each.aggregate].append(each.sequence[1])
        assert all(found == sorted(set(found)) for found in sequences.values())


def test_each_relay_restates_and_states_the_players_of_its_own_partitions():
    """Together they reach everybody, and nobody twice. (Before the others, which leave many players behind.)"""
    now = datetime.now(UTC)
    opened(9)
    epoch = epochs.begin_epoch("", now + timedelta(minutes=1))
    for place in range(PARTITIONS):
        own = Places.of(frozenset({place}), PARTITIONS)
        while restating.restate_some(now, own):
            pass
        left = {
            partition_of(f"player:{each}", PARTITIONS)
            for each in restating.not_restated(epoch).values_list("pk", flat=True)
        }
        assert place not in left
        assert left <= set(range(place + 1, PARTITIONS))
    OutboxRow.objects.filter(published_at__isnull=True).update(published_at=now)
    stated = []
    for place in range(PARTITIONS):
        own, after = Places.of(frozenset({place}), PARTITIONS), ""
        while True:
            after, stands = comparison.state_next(after, own)
            if not after:
                break
            assert len(stands) <= RELAY.compare_players_max
            stated += [each.player for each in stands]
    assert sorted(stated) == sorted(Player.objects.values_list("pk", flat=True))


def test_two_relays_work_at_once_and_each_sends_its_own_partitions():
    """One that is added gets a share without a stop of the other; events and heartbeats of each partition come once."""

    async def play(house):
        second = house.start("second")
        await house.rounds()
        assert house.held() == [[0, 1], [2]]
        assert second.state()["backlog_by_partition"] == {"2": 0}
        players = await house.opened(12)
        await second._step()
        assert {place for place, events in house.broker.events.items() if events} == {2}
        await house.rounds(1)
        for player in players:
            await second.engine.run(output_of, "grant_bonus", player, "7", "--reference", "again")
        for relay in house.relays.values():
            relay._heartbeat_at = 0.0
        await house.rounds(1)
        check(house.broker)
        assert sum(len(house.broker.of_players(place)) for place in range(PARTITIONS)) == 24
        assert all(any(each.type == HEARTBEAT for each in house.broker.events[place]) for place in range(PARTITIONS))
        assert repr(second.leases) == "<PartitionLeases [2], [] ending>"

    scenario(play)


def test_the_partitions_of_a_relay_that_was_killed_move_when_its_leases_are_over():
    """What it had not marked goes out again as it was, and what happens next follows it."""

    async def play(house):
        house.start("second")
        await house.rounds()
        players = await house.opened(12)
        killed = house.relays.pop("first")
        await killed._step()  # sent, but not marked
        await house.rounds()
        assert house.held() == [[2]], "it may only be slow"
        sent = {place: list(house.broker.of_players(place)) for place in (0, 1)}
        assert all(sent.values())
        house.store.now_ms += RELAY.lease_ms + 1
        house.broker.events.clear()
        await house.rounds()
        assert house.held() == [[0, 1, 2]]
        assert {place: house.broker.of_players(place) for place in (0, 1)} == sent
        for player in players:
            await killed.engine.run(output_of, "grant_bonus", player, "7", "--reference", "again")
        await house.rounds()
        check(house.broker)

    scenario(play)


def test_a_relay_that_leaves_in_order_is_followed_at_once_and_nothing_goes_out_twice():
    """What it sent last is marked before it goes."""

    async def play(house):
        second = house.start("second")
        await house.rounds()
        await house.opened(12)
        await second._step()
        await house.relays.pop("second").leave()
        await house.rounds()
        assert house.held() == [[0, 1, 2]]
        check(house.broker)
        assert sum(len(house.broker.of_players(place)) for place in range(PARTITIONS)) == 12
        await second.leave()

    scenario(play)


def test_a_relay_goes_on_with_what_it_holds_while_the_store_is_away():
    """Nobody can take it meanwhile; one that starts meanwhile sends nothing until it is back."""

    async def play(house):
        house.store.is_away = True
        house.start("second")
        await house.opened(6)
        await house.rounds()
        assert house.held() == [[0, 1, 2], []]
        check(house.broker)
        house.store.is_away = False
        await house.rounds()
        assert house.held() == [[0, 1], [2]]

    scenario(play)


def test_a_partition_is_released_only_when_nothing_of_it_is_under_way():
    """While the broker takes nothing, what was taken is not lost: whoever gets it sends it."""

    async def play(house):
        first, second = house.relays["first"], house.start("second")
        await house.opened(12)
        house.broker.is_away = True
        with pytest.raises(BrokerUnavailable):
            await first._step()
        await second.leases.refresh()
        await first.leases.refresh()
        assert (first.leases.held, first.leases.ending) == ({0, 1}, {2})
        await second.leases.refresh()
        assert not second.leases.held
        house.broker.is_away = False
        await house.rounds()
        assert house.held() == [[0, 1], [2]]
        check(house.broker)

    scenario(play)


def test_two_that_hold_one_partition_for_a_moment_never_give_a_position_twice():
    """One that was frozen and wakes up: rows may go out twice, each at its one place."""
    now, mine = datetime.now(UTC), frozenset({0})
    players = opened(5, places=(0,))
    frozen = steps.next_batch(mine, None, now, events_max=3)
    awake = steps.next_batch(mine, None, now)
    assert awake.events[:3] == frozen.events
    assert {f"player:{each}" for each in players} <= {each.aggregate for each in awake.events}
    late = steps.next_batch(mine, frozen, now)
    assert late.events == awake.events[3:]
    assert steps.next_batch(mine, awake, now).rows == []


def test_a_partition_that_nobody_reads_holds_back_its_own_events_alone():
    """The others go on, their heartbeats too; once it is read its events come too, each once and in order."""

    async def play(house):
        await house.relays.pop("first").leave()
        small = replace(BROKER, stream_events_max=2 * UNREAD_MAX)
        relay = house.start("small", small)
        house.broker.dead.add(1)
        await house.rounds()
        players = []
        for _ in range(UNREAD_MAX):
            players += await house.opened(9)
            await house.rounds(1)
        sent = {place: len(house.broker.of_players(place)) for place in range(PARTITIONS)}
        assert (sent[0], sent[2]) == (3 * UNREAD_MAX, 3 * UNREAD_MAX)
        heartbeats = len(house.broker.events[1]) - sent[1]  # one each second of this test, and none of them was read
        assert UNREAD_MAX - heartbeats <= sent[1] < UNREAD_MAX
        house.broker.events[0].clear()
        relay._heartbeat_at = 0.0
        await relay._step()
        assert [each.type for each in house.broker.events[0]] == [HEARTBEAT]
        waiting = 3 * UNREAD_MAX - sent[1]
        assert relay.state() | {"detail": ""} == {
            "leading": True,
            "partitions": [0, 1, 2],
            "backlog_events": waiting,
            "backlog_by_partition": {"0": 0, "1": waiting, "2": 0},
            "held_back": [1],
            "detail": "",
        }
        assert unsent_of(await relay.engine.run(unsent.leaving, Places.of(frozenset({0, 2}), PARTITIONS))) == {}
        assert unsent_of(await relay.engine.run(unsent.leaving, Places.of(frozenset({1}), PARTITIONS))) == {1: waiting}
        fewer = Places.of(frozenset({0}), 1)
        assert unsent_of(await relay.engine.run(unsent.leaving, fewer)) == {1: waiting}, "their number has changed"
        house.broker.dead.clear()
        relay.backpressure.keep(())
        await house.rounds()
        assert relay.state()["held_back"] == []
        assert len(house.broker.of_players(1)) == 3 * UNREAD_MAX
        check(house.broker)

    scenario(play)


def ends_of(*positions):
    return [End("e1", 0, position, sent=sent) for position, sent in positions]


def test_a_batch_is_shared_by_partitions_as_far_as_each_has_room():
    """One without room has none of it; where there is not enough, those with few come first."""
    ends = ends_of((5, 0), (900, 100), (3, 3), (50, 10), (7, None))
    assert next_spans(ends, range(4), {0: 9, 1: 0, 2: 9, 3: 2}, 200) == {0: Span(1, 5), 3: Span(11, 12)}
    assert next_spans(ends, range(5), None, 20) == {0: Span(1, 5), 1: Span(101, 105), 3: Span(11, 15), 4: Span(1, 5)}
    assert next_spans(ends, (1, 3), None, 1) == {3: Span(11, 11)}
    assert next_spans(ends, (1,), {}, 20) == {}
    assert len(Span(11, 15)) == 5


def unsent_of(aggregates):
    """How many aggregates by partition."""
    return Counter(partition_of(each, PARTITIONS) for each in aggregates)


def test_what_has_gone_out_is_found_again_where_a_release_before_did_not_say_so():
    """It begins epochs, and sends rows, beside this one."""
    drain()
    every, now = frozenset(range(PARTITIONS)), datetime.now(UTC)
    opened(6)
    older = steps.next_batch(every, None, now)
    OutboxRow.objects.filter(pk__in=older.rows[:4]).update(published_at=now)
    opened(3)
    newer = steps.next_batch(every, older, now)
    assert len(newer.rows) == 3
    RelayState.objects.update(sent="[]")
    assert not steps.is_idle(every)
    assert sum(unsent.backlogs(Places.of(every, PARTITIONS)).values()) == 3
    again = steps.next_batch(every, None, now)
    assert again.events == newer.events
    OutboxRow.objects.filter(pk__in=again.rows).update(published_at=now)
    late = steps.next_batch(every, None, now)
    assert (late.rows, len(late.spans)) == ([], 3)
    assert steps.next_batch(every, late, now).spans == {}
    assert steps.is_idle(every)


def test_a_batch_of_an_epoch_that_is_over_says_nothing_of_what_has_gone_out():
    """Nor does one of more partitions than there are."""
    drain()
    every, now = frozenset(range(PARTITIONS)), datetime.now(UTC)
    opened(3)
    batch = steps.next_batch(every, None, now)
    moved = replace(batch, spans={**batch.spans, PARTITIONS: Span(1, 9)})
    epochs.begin_epoch("", now, 1, forced=True)
    steps.next_batch(frozenset(), moved, now)
    ends = read_ends(RelayState.objects.get(pk=1))
    assert [end.sent for end in ends] == [ends[0].position, 0, ends[2].position]
    drain()


def test_a_partition_has_not_caught_up_while_there_may_be_more_of_it():
    """Where a turn is full, what is left is counted once a heartbeat."""
    drain()
    every, now = frozenset(range(PARTITIONS)), datetime.now(UTC)
    opened(2, places=(0,))
    opened(2, places=(1,))
    assert steps.next_batch(every, None, now, measured=False, events_max=2).caught_up.held == ()
    drain()
    opened(2, places=(0,))
    opened(2, places=(1,))
    batch = steps.next_batch(every, None, now, events_max=2)
    assert (batch.caught_up.held, batch.drained.held, batch.backlogs) == ((0, 2), (0, 2), {0: 2, 1: 2, 2: 0})
    drain()


def test_rows_without_a_key_get_it_before_anything_is_taken(monkeypatch):
    """A process of the release before writes such rows beside this one; a player's events stay in order."""
    drain()
    players = opened(3)
    OutboxRow.objects.filter(published_at__isnull=True).update(partition_key=None)
    for player in players:
        output_of("grant_bonus", player, "7", "--reference", "keyed")
    monkeypatch.setattr(steps, "RELAY", type("Policy", (), {"keys_batch": 2, "batch_events_max": 200}))
    now, every = datetime.now(UTC), frozenset(range(PARTITIONS))
    assert not steps.is_idle(frozenset({0}))
    first = steps.next_batch(every, None, now)
    assert (first.rows, first.drained.held) == ([], ())
    batch = first
    while not batch.rows:
        batch = steps.next_batch(every, None, now)
    assert not OutboxRow.objects.filter(published_at__isnull=True, partition_key__isnull=True).exists()
    for player in players:
        found = [each.sequence[1] for each in batch.events if each.aggregate == f"player:{player}"]
        assert found == sorted(found)
        assert len(found) == 2


def test_what_waits_is_counted_by_whoever_sends_it():
    """The backlogs of all relays add up to what waits; who holds nothing has none."""
    drain()
    opened(9)
    each = unsent.backlogs(Places.of(frozenset(range(PARTITIONS)), PARTITIONS))
    assert list(each) == list(range(PARTITIONS))
    assert all(each.values())
    assert sum(each.values()) == unsent.backlog()
    assert unsent.backlogs(Places.of(frozenset({1}), PARTITIONS)) == {1: each[1]}
    assert unsent.backlogs(Places.of(frozenset(), PARTITIONS)) == {}
    assert steps.is_idle(frozenset({7})), "there is no such partition"
