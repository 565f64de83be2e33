"""The relay's loops go on after every failure of the broker or the database, and end when they are stopped."""

import asyncio
import secrets
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.test import override_settings

from bff.broker import BROKER, BrokerUnavailable, Delivery, Unusable, subscription
from bff.commands.engine.policy import RELAY
from bff.commands.engine.threads import Engine, EngineUnavailable
from bff.commands.ledger.models import Player
from bff.commands.management.commands.seed_demo import open_balance
from bff.commands.relay import loops, publishing, reconciler
from bff.commands.relay.loops import Relay
from bff.commands.relay.places import Places
from bff.commands.relay.reconciler import REPAIRED, REPAIRS_REFUSED, Reconciler
from bff.contracts.event import Event
from bff.contracts.ledger import (
    BALANCES_COMPARED,
    PLAYERS_REBUILT,
    REPLAY_REQUESTED,
    ROLLING,
    BalancesCompared,
    PlayerRebuilt,
    PlayersRebuilt,
    PlayerStatement,
)
from bff.contracts.wallet import LimitsState

AT = datetime(2026, 1, 1, tzinfo=UTC)
AWAY, BUSY = BrokerUnavailable("the broker is away"), EngineUnavailable("the database is away")


class Script:
    """Answers one by one, raising those that are failures; `stopping` is set with the last."""

    def __init__(self, *answers):
        self.stopping, self.calls, self._answers = asyncio.Event(), [], list(answers)

    async def __call__(self, *arguments, **_named):
        self.calls.append(arguments)
        answer = self._answers.pop(0)
        if not self._answers:
            self.stopping.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


def relay_of(*, broker=None, engine=None, leases=None):
    return Relay(broker, engine, engine, leases, holder="one", policy=BROKER)


def delivery(kind, data):
    return Delivery("1-0", Event("ev_1", kind, 1, "ledger", ("e0", 0), AT, data), 1, 0.0)


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """The waits of the loops in seconds; none of them takes time."""
    seconds = []

    async def pause(_stopping, wait_s):
        seconds.append(wait_s)
        await asyncio.sleep(0)

    for module in (loops, reconciler, subscription):
        monkeypatch.setattr(module, "pause", pause)
    return seconds


def test_publishing_goes_on_after_the_broker_and_the_database_were_away(monkeypatch):
    """What is wrong stands on the health page until it is over; a full batch is followed by the next at once."""

    async def run():
        relay, details = relay_of(), []
        script = Script(AWAY, BUSY, RELAY.batch_events_max, 0, 1)

        async def step():
            details.append(relay.state()["detail"])
            return await script()

        monkeypatch.setattr(relay, "_step", step)
        await asyncio.wait_for(relay.publish(script.stopping), 30)
        return details

    expected = ["", "BrokerUnavailable: the broker is away", "EngineUnavailable: the database is away", "", ""]
    assert asyncio.run(run()) == expected


def test_a_relay_renews_its_share_until_it_is_stopped():
    """However often."""

    async def run():
        leases = SimpleNamespace(refresh=Script(None, None, None))
        await asyncio.wait_for(relay_of(leases=leases).share(leases.refresh.stopping), 30)
        return leases.refresh.calls

    assert len(asyncio.run(run())) == 3


def test_a_relay_that_has_sent_nothing_leaves_its_partitions_to_others():
    """There is nothing to mark."""

    async def run():
        leases = SimpleNamespace(leave=Script(None))
        await relay_of(leases=leases).leave()
        return leases.leave.calls

    assert asyncio.run(run()) == [()]


def test_pruning_goes_on_after_the_database_was_away(waits):
    """And at once while there is something to forget."""

    async def run():
        engine = SimpleNamespace(run=Script(5, BUSY, 0))
        await asyncio.wait_for(relay_of(engine=engine).prune(engine.run.stopping), 30)

    asyncio.run(run())
    assert waits == [1, 600, 600]


def test_a_request_for_a_replay_that_the_database_could_not_hear_is_heard_again():
    """Another answer or an event of another kind begins no epoch."""

    async def run():
        request = delivery(REPLAY_REQUESTED, {"epoch": "e0", "why": "a gap"})
        others = [
            delivery("Unheard", {}),
            delivery(BALANCES_COMPARED, {"run": "another", "part": 1, "equal": 1, "moved_on": 0, "wrong": []}),
            delivery(PLAYERS_REBUILT, {"run": "another", "players": []}),
        ]
        engine = SimpleNamespace(run=Script(BUSY, "e1", None, None))
        reader = SimpleNamespace(
            fetch=Script([request], [request], [*others, request], [request]),
            ack=Script(None, None, None, None),
            redeliver=Script(None, None),
            aclose=Script(None),
        )
        broker = SimpleNamespace(reader=lambda *_names: reader)
        before = loops.REPLAYS._value.get()
        await asyncio.wait_for(relay_of(broker=broker, engine=engine).listen(engine.run.stopping, BROKER), 30)
        return loops.REPLAYS._value.get() - before, len(reader.redeliver.calls), len(reader.ack.calls)

    assert asyncio.run(run()) == (1, 1, 3)


def test_a_request_that_can_not_be_read_is_put_aside():
    """The others are handled."""
    with pytest.raises(Unusable, match="not what ReplayRequested looks like"):
        asyncio.run(relay_of()._handle_requests([delivery(REPLAY_REQUESTED, {"epoch": 7})]))


@pytest.mark.parametrize(("partitions", "epoch"), [(1, None), (3, "e1")])
def test_the_number_of_partitions_is_set_once_by_each_relay(partitions, epoch):
    """The broker prepares several of them."""

    async def run():
        broker, engine = SimpleNamespace(prepare=Script(None)), SimpleNamespace(run=Script(epoch))
        with override_settings(LEDGER_PARTITIONS=partitions):
            relay = relay_of(broker=broker, engine=engine)
        for _ in range(2):
            await relay._set_partitions(AT)
        return len(broker.prepare.calls), len(engine.run.calls)

    assert asyncio.run(run()) == (int(partitions > 1), 1)


def test_players_are_stated_only_while_everything_was_out_a_moment_ago():
    """What the last heartbeats spoke of may be overtaken by then."""

    async def run():
        relay = relay_of()
        relay._drained, relay._heartbeat_at = Places.of(frozenset({0}), 1), asyncio.get_running_loop().time()
        recent = relay._places_drained()
        relay._heartbeat_at -= 2 * RELAY.heartbeat_s
        return recent, relay._places_drained()

    assert asyncio.run(run()) == (Places.of(frozenset({0}), 1), None)


def test_a_failure_in_one_partition_is_raised_once_all_have_ended():
    """So no late write overtakes the retry."""

    async def run():
        ended = []

        async def publish(_stream, _events, *, partition):
            if partition == 0:
                raise AWAY
            await asyncio.sleep(0)
            ended.append(partition)

        with pytest.raises(BrokerUnavailable):
            await publishing._publish(SimpleNamespace(publish=publish), {0: [], 1: []})
        return ended

    assert asyncio.run(run()) == [1]


def test_players_are_stated_round_and_round_while_everything_has_gone_out():
    """Not while something waits; where the broker is away the same players are stated later; and a round that ended
    early is followed by the next only after a while."""

    async def run():
        stands = [PlayerStatement("pl_a", ("e0", 1), 700, 0, 0, "EUR", {}, [], LimitsState("EUR", []))]
        engine = SimpleNamespace(run=Script(("pl_a", stands), ("pl_a", stands), ("", stands)))
        broker = SimpleNamespace(publish=Script(AWAY, None, None))
        waiting, stopping, looks = [None], asyncio.Event(), []

        def drained():
            looks.append(1)
            if len(looks) == 6:
                stopping.set()
            return waiting.pop() if waiting else Places.of(frozenset({0}), 1)

        await asyncio.wait_for(Reconciler(broker, engine, 0.001, drained).run(stopping), 30)
        return [after for _, after, _ in engine.run.calls], len(broker.publish.calls)

    assert asyncio.run(run()) == (["", "", "pl_a"], 3)


def test_no_player_is_stated_where_the_comparison_is_switched_off():
    """The loop ends at once."""
    asyncio.run(asyncio.wait_for(Reconciler(None, None, 0, lambda: None).run(asyncio.Event()), 30))


def test_a_player_whose_records_differ_is_restated_once_and_one_who_is_unknown_is_not():
    """Answers to another run are for others."""
    player, before = f"pl_{secrets.token_hex(5)}", REPAIRED._value.get()
    open_balance(player, "EUR", 500)

    async def run():
        engine = Engine(threads=1)
        compares = Reconciler(None, engine, 1, lambda: None)
        differ = (1, 0, 0, ["differs", "differs"], [player, "pl_unknown"])
        try:
            for name in ("another", ROLLING, ROLLING):
                await compares.compared(BalancesCompared(name, *differ))
        finally:
            engine.close()

    asyncio.run(run())
    assert REPAIRED._value.get() == before + 1
    assert not Player.objects.filter(pk="pl_unknown").exists()


def test_a_repair_that_was_refused_is_counted_for_an_operator():
    """Not one of another run, nor one that ended well."""
    before, compares = REPAIRS_REFUSED._value.get(), Reconciler(None, None, 1, lambda: None)
    players = [PlayerRebuilt("pl_a", "refused", "6 EUR"), PlayerRebuilt("pl_b", "swapped")]
    compares.rebuilt(PlayersRebuilt("repair_1", players))
    compares.rebuilt(PlayersRebuilt("another_1", players))
    assert REPAIRS_REFUSED._value.get() == before + 1
