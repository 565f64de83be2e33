"""A loss in one partition stays there: its players are restated, and nothing changes for the others."""

import asyncio
import itertools
import random
import secrets
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.db import transaction

from bff.broker import BROKER, Delivery
from bff.commands.engine.identifiers import fresh_id, next_epoch
from bff.commands.engine.threads import Engine
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import OutboxRow, Player, RelayState
from bff.commands.ledger.statement import statements_of
from bff.commands.management.commands.seed_demo import open_balance
from bff.commands.relay import epochs, restating, steps
from bff.commands.relay.loops import Relay
from bff.commands.relay.partition_ends import End, read_ends
from bff.commands.relay.places import Places
from bff.contracts.event import Event
from bff.contracts.ledger import HISTORY_RESTATED, PLAYER_RESTATED, REPLAY_REQUESTED, BalancesStated
from bff.contracts.ledger_partition import partition_of
from bff.queries.projections import Parked, PositionTracker, Wallets, compare
from tests.bff.commands.house.case_operators import output_of, set_partitions_at_once

PARTITIONS = 3
ALL = frozenset(range(PARTITIONS))
RESTATED = {HISTORY_RESTATED, PLAYER_RESTATED}


class Reader:
    """The stream as a projector of one partition reads it: it counts events, and stores the players' records."""

    def __init__(self):
        self.tracker, self.records, self.stream = PositionTracker(2.0), {}, []

    def read(self):
        while self.stream:
            event = self.stream.pop(0)
            assert self.tracker.contradiction([event]) is None
            self.tracker.seen(event.position, 0.0, event.id)
            if event.aggregate.startswith("player:"):
                self.apply(event)

    def apply(self, event):
        wallets = Wallets(self.records)
        try:
            wallets.apply(event)
        except Parked:
            # A player's earlier events were lost: the player is restated again at the end of the epoch.
            assert event.sequence[0] < self.tracker.epoch
        for put in wallets.changes():
            before = self.records.get(put.topic)
            if before is None or before[0] <= put.sequence:
                self.records[put.topic] = (put.sequence, msgspec.json.encode(put.data))

    def lose(self):
        """The broker loses the stream, and the store this partition's players."""
        self.stream.clear()
        self.records.clear()


class House:
    """A ledger in three partitions, a relay for some of them at a time, and a reader of each. Time is passed in."""

    def __init__(self):
        self.now, self.readers, self.batch = datetime.now(UTC), [Reader() for _ in range(PARTITIONS)], None
        epochs.set_partitions(PARTITIONS, self.now)
        self.drain()

    def step(self, held=ALL, events_max=200):
        """One batch of the relay that holds these partitions, and some restated players; returns the batch."""
        batch = steps.next_batch(held, None, self.now, events_max=events_max)
        for event in batch.events:
            self.readers[partition_of(event.aggregate, PARTITIONS)].stream.append(event)
        steps.next_batch(frozenset(), batch, self.now, measured=False)
        if len(batch.rows) < events_max:
            restating.restate_some(self.now, Places.of(held, PARTITIONS))
        return batch

    def drain(self):
        """Sends and reads everything; returns the batches that it took."""
        batches = []
        while not batches or batches[-1].drained.held != tuple(sorted(ALL)):
            batches.append(self.step())
            for reader in self.readers:
                reader.read()
        return batches

    def lose(self, place):
        """The reader of a partition finds its events missing, and requests them; returns the new epoch."""
        self.now += timedelta(minutes=1)
        self.readers[place].lose()
        return epochs.begin_epoch(ends()[place].epoch, self.now, place)

    def wrong(self):
        """The differences between the readers' records and the ledger."""
        records = {topic: record for reader in self.readers for topic, record in reader.records.items()}
        stands = statements_of(Player.objects.all())
        return compare(BalancesStated("all", 0, stands), records).wrong


def ends():
    return read_ends(RelayState.objects.get(pk=1))


def place_of(player):
    return partition_of(f"player:{player}", PARTITIONS)


def opened(place):
    names = (f"pl_{secrets.token_hex(5)}" for _ in itertools.count())
    player = next(each for each in names if place_of(each) == place)
    open_balance(player, "GBP", 4000)
    return player


def play(player):
    output_of("grant_bonus", player, "7", "--reference", secrets.token_hex(4))


@pytest.fixture(scope="module")
def _shared(django_db_blocker):
    """All players are restated when the number of partitions changes, so this is done once for all of these cases."""
    with django_db_blocker.unblock():
        house = House()
        yield house
        set_partitions_at_once(1)


@pytest.fixture
def house(_shared):
    _shared.drain()
    return _shared


def test_a_loss_in_one_partition_restates_its_players_alone_and_the_others_go_on_being_live(house):
    """Of the others no row is written, their positions go on, and each heartbeat of theirs is sent meanwhile."""
    players = [opened(place) for place in range(PARTITIONS) for _ in range(4)]
    house.drain()
    before, rows = ends(), OutboxRow.objects.order_by("-pk").values_list("pk", flat=True).first()
    shown = [dict(reader.records) for reader in house.readers]
    epoch = house.lose(1)
    assert epoch > max(end.epoch for end in before)
    assert [end.epoch for end in ends()] == [before[0].epoch, epoch, before[2].epoch]
    assert not steps.is_idle(frozenset({1}))
    assert steps.is_idle(frozenset({0, 2})), "nobody there is to be restated"
    batches = house.drain()
    assert [batch.drained.held for batch in batches[:-1]] == [(0, 2)] * (len(batches) - 1)
    restatements = OutboxRow.objects.filter(pk__gt=rows)
    assert {row.type for row in restatements} == RESTATED
    restated = [row.aggregate for row in restatements if row.type == PLAYER_RESTATED]
    mine = {f"player:{each}" for each in Player.objects.values_list("pk", flat=True) if place_of(each) == 1}
    assert sorted(restated) == sorted(mine), "each once, and nobody else"
    assert {row.epoch for row in restatements} == {epoch}
    assert [(end.epoch, end.position) for end in ends()] == [
        (end.epoch, end.position) if place != 1 else (epoch, restatements.count()) for place, end in enumerate(before)
    ]
    assert [house.readers[place].records for place in (0, 2)] == [shown[0], shown[2]]
    for player in players:
        play(player)
    house.drain()
    assert house.wrong() == []
    assert {Player.objects.get(pk=player).epoch for player in players if place_of(player) == 1} == {epoch}


def test_readers_of_one_partition_begin_one_epoch_and_those_of_another_begin_theirs(house):
    """However often it is asked for, and at one moment: what one partition has begun says nothing of the others."""
    first = house.lose(0)
    lost = ends()[2].epoch
    assert epochs.begin_epoch(lost, house.now, 2) > first
    house.drain()
    assert epochs.begin_epoch(lost, house.now, 2) is None
    assert epochs.begin_epoch(first, house.now, 0) is None, "it has only just begun"
    assert epochs.begin_epoch("", house.now, PARTITIONS) is None, "there is no such partition"
    later = next_epoch(max(end.epoch for end in ends()))
    assert epochs.begin_epoch(later, house.now + timedelta(minutes=1), 1) > later, "this ledger was set back"
    house.drain()
    assert house.wrong() == []


def test_a_reader_that_names_no_partition_and_another_number_of_them_begin_an_epoch_for_all(house):
    """It is of the release before, or players move."""
    house.lose(0)
    house.now += timedelta(minutes=1)
    epoch = epochs.begin_epoch(ends()[2].epoch, house.now)
    assert {end.epoch for end in ends()} == {epoch}
    assert RelayState.objects.get(pk=1).epochs == "[]"
    house.lose(2)
    more = epochs.set_partitions(PARTITIONS + 1, house.now)
    assert {end.epoch for end in ends()} == {more}
    back = epochs.set_partitions(PARTITIONS, house.now)
    house.drain()
    assert {end.epoch for end in ends()} == {back}
    assert house.wrong() == []


def test_an_epoch_that_the_release_before_begins_holds_for_all_partitions(house):
    """It changes the ledger's one epoch and leaves what it does not know; whom it has restated does not go back."""
    house.lose(0)
    house.drain()
    player = next(each for each in Player.objects.values_list("pk", flat=True) if place_of(each) == 1)
    latest = RelayState.objects.get(pk=1).epoch
    Player.objects.filter(pk=player).update(epoch=latest)
    play(player)
    row = OutboxRow.objects.filter(aggregate=f"player:{player}").latest("pk")
    assert row.epoch == latest > ends()[1].epoch
    later = next_epoch(latest)
    RelayState.objects.update(epoch=later, position=0, event_id="", others='[[0,""],[0,""]]')
    OutboxRow.objects.filter(published_at__isnull=True).update(position=None)
    assert {end.epoch for end in ends()} == {later}
    house.drain()
    assert house.wrong() == []


def test_a_player_who_could_not_be_seen_when_the_partition_was_gone_through_is_restated(house):
    """A transaction that had read the epoch before made the player, and ended after everybody was restated."""
    player = opened(1)
    row = OutboxRow.objects.filter(aggregate=f"player:{player}").get()
    Player.objects.filter(pk=player).update(epoch="zzz")  # as if no audit could see it
    OutboxRow.objects.filter(pk=row.pk).update(published_at=house.now)
    house.lose(1)
    house.drain()
    Player.objects.filter(pk=player).update(epoch=row.epoch)
    OutboxRow.objects.filter(pk=row.pk).update(published_at=None)
    assert 1 not in house.step().drained.held
    house.drain()
    assert house.wrong() == []


def test_an_epoch_that_begins_while_players_are_gone_through_begins_that_anew(house):
    """What the relay of before has looked at says nothing of the epoch that began since."""
    opened(1)
    house.lose(1)
    stale = ends()
    epoch = house.lose(1)
    restating._move(1, stale[1], None)
    assert ends()[1].restate_after == ""
    house.drain()
    assert {Player.objects.get(pk=each).epoch for each in names_in(1)} == {epoch}
    assert house.wrong() == []


def names_in(place):
    return [each for each in Player.objects.values_list("pk", flat=True) if place_of(each) == place]


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_lost_when_nothing_is_lost_or_doubled_and_nobody_else_is_restated(house, seed):
    """Commands, losses, relays with a part each and small batches, in any order; then both sides are equal."""
    chance, epoch_of = random.Random(seed), {place: end.epoch for place, end in enumerate(ends())}
    players = [opened(place) for place in range(PARTITIONS) for _ in range(2)]
    for _ in range(40):
        deed = chance.random()
        if deed < 0.35:
            play(chance.choice(players))
        elif deed < 0.42:
            players.append(opened(chance.randrange(PARTITIONS)))
        elif deed < 0.52:
            place = chance.randrange(PARTITIONS)
            epoch_of[place] = house.lose(place)
        else:
            held = frozenset(chance.sample(range(PARTITIONS), chance.randint(1, PARTITIONS)))
            house.step(held, events_max=chance.choice((1, 7, 200)))
        chance.choice(house.readers).read()
    house.drain()
    assert house.wrong() == []
    found = defaultdict(set)
    for player in players:
        found[place_of(player)].add(Player.objects.get(pk=player).epoch)
    assert found == {place: {epoch} for place, epoch in epoch_of.items()}
    assert all(reader.tracker.is_whole for reader in house.readers)
    assert [reader.tracker.epoch for reader in house.readers] == [end.epoch for end in ends()]


def test_a_relay_begins_the_epoch_of_the_partition_that_is_asked_for(house):
    """And of all where the reader, of the release before, names none."""

    async def ask(relay, request):
        event = Event(fresh_id("rq"), REPLAY_REQUESTED, 1, "ledger", (request["epoch"], 0), house.now, request)
        await relay._handle_requests([Delivery(event.id, event, 1, 0.0)])

    def old():
        raw = RelayState.objects.get(pk=1)
        RelayState.objects.update(began_at=raw.began_at - timedelta(days=1), epochs=aged(raw.epochs))

    async def run():
        engine = Engine(threads=1)
        relay = Relay(None, engine, engine, None, holder="one", policy=BROKER)
        try:
            before = await engine.run(ends)
            await engine.run(old)
            await ask(relay, {"epoch": before[1].epoch, "why": "gone", "partition": 1})
            after = await engine.run(ends)
            assert [place for place in range(PARTITIONS) if after[place].epoch != before[place].epoch] == [1]
            await engine.run(old)
            await ask(relay, {"epoch": before[0].epoch, "why": "gone"})
            assert len({end.epoch for end in await engine.run(ends)} - {end.epoch for end in after}) == 1
        finally:
            engine.close()

    asyncio.run(run())
    house.drain()


def aged(raw):
    return msgspec.json.encode([[epoch, 0, after] for epoch, _, after in msgspec.json.decode(raw)]).decode()


def test_a_command_finds_its_players_epoch(house):
    """Of its partition, whoever opens the accounts."""
    epoch = house.lose(2)
    with transaction.atomic():
        for player in (fresh_id("pl") for _ in range(9)):
            accounts = PlayerAccounts.open(player, "EUR", house.now)
            assert accounts.epoch == accounts.player.epoch == ends()[place_of(player)].epoch
            assert (accounts.epoch == epoch) == (place_of(player) == 2)
        transaction.set_rollback(True)
    house.drain()


def test_a_partition_is_gone_through_anew_only_for_a_late_player_who_was_passed_over():
    """Not for one who has been restated since the event was written."""
    player, place = f"pl_{secrets.token_hex(5)}", 1
    while partition_of(f"player:{player}", 2) != place:
        player = f"pl_{secrets.token_hex(5)}"
    with transaction.atomic():
        open_balance(player, "GBP", 500)
        for epoch, restate_after in (("e2", None), ("e1", "")):
            Player.objects.filter(pk=player).update(epoch=epoch)
            gone_through = [End("e1", 0), End("e2", 0)]
            restating.restart_for_late(gone_through, [(f"player:{player}", "e1")])
            assert [end.restate_after for end in gone_through] == [None, restate_after]
        transaction.set_rollback(True)
