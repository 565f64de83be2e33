"""What every broker promises, the same class over each."""

import asyncio
import secrets
import time
from datetime import UTC, datetime

import pytest

from bff.broker import BrokerPolicy, BrokerUnavailable, Progress, Unusable, connect, subscribe
from bff.contracts.event import Event
from tests.kafka_mock import NOT_LEADER, OFFSET_COMMIT, PRODUCE, TOPIC_AUTHORIZATION_FAILED, KafkaMock
from tests.valkey_server import ValkeyServer

POLICY = BrokerPolicy(
    block_ms=100,
    lease_ms=600,
    op_ms=1500,
    retry_ms_initial=5,
    retry_ms_max=50,
    attempts_max=4,
    session_ms=1000,
    silence_ms_max=1000,
)


def event(n, aggregate="player:1", epoch="e1"):
    return Event(
        id=f"{epoch}-{aggregate}-{n}",
        type="FundsDeposited",
        version=1,
        aggregate=aggregate,
        sequence=(epoch, n),
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        data={"n": n},
        position=(epoch, n),
    )


async def drain(reader, wanted, within_s=5.0):
    """At least `wanted` deliveries, unacknowledged."""
    got = []
    end = time.monotonic() + within_s
    while len(got) < wanted:
        assert time.monotonic() < end, f"{len(got)} of {wanted} came in time"
        got += await reader.fetch()
    return got


async def retried(reader, wanted, within_s=10.0):
    """As `drain`, over a broker that is just coming back."""
    end = time.monotonic() + within_s
    while True:
        try:
            return await drain(reader, wanted, within_s)
        except BrokerUnavailable:
            assert time.monotonic() < end


def numbers(deliveries):
    return [each.event.data["n"] for each in deliveries]


@pytest.fixture(scope="module")
def server():
    with ValkeyServer() as running:
        yield running


@pytest.fixture(scope="module")
def kafka():
    with KafkaMock() as running:
        yield running


@pytest.fixture
async def broker(server):
    server.flush()
    opened = connect(server.url, POLICY)
    yield opened
    await opened.aclose()


@pytest.fixture(params=["streams", "kafka"])
async def any_broker(request, server):
    if request.param == "streams":
        server.flush()
        opened = connect(server.url, POLICY)
    else:
        opened = connect(request.getfixturevalue("kafka").url, POLICY)
    yield opened
    await opened.aclose()


@pytest.fixture
def ledger():
    """A stream that nobody has used; a mock cluster can not be flushed."""
    return f"ledger-{secrets.token_hex(4)}"


class TestBroker:
    async def test_events_come_in_order_as_they_were_published(self, any_broker, ledger):
        """What goes in comes out, whole and in order, from the oldest."""
        sent = [event(n) for n in range(1, 251)]
        await any_broker.publish(ledger, sent)
        got = await drain(any_broker.reader(ledger, "projector", "a"), 250)
        assert [each.event for each in got] == sent
        assert all(each.attempts == 1 and 0 <= each.age_s < 10 for each in got)

    async def test_acknowledged_events_do_not_come_again(self, any_broker, ledger):
        """A consumer that comes back goes on where it acknowledged."""
        await any_broker.publish(ledger, [event(n) for n in range(1, 6)])
        reader = any_broker.reader(ledger, "projector", "a")
        got = await drain(reader, 5)
        await reader.ack(got[:3])
        await reader.aclose()
        later = any_broker.reader(ledger, "projector", "a")
        assert numbers(await drain(later, 2)) == [4, 5]

    async def test_again_hands_out_what_was_not_acknowledged(self, any_broker, ledger):
        """A handler that failed gets the same events once more, in order, before newer ones."""
        await any_broker.publish(ledger, [event(n) for n in range(1, 4)])
        reader = any_broker.reader(ledger, "projector", "a")
        got = await drain(reader, 3)
        await reader.ack(got[:1])
        await any_broker.publish(ledger, [event(4)])
        await reader.again()
        assert numbers(await drain(reader, 3))[:3] == [2, 3, 4]

    async def test_a_dead_consumers_events_go_to_the_next(self, any_broker, ledger):
        """What a consumer took and never acknowledged is handed to the one that follows, oldest first."""
        await any_broker.publish(ledger, [event(n) for n in range(1, 4)])
        await drain(any_broker.reader(ledger, "projector", "dead"), 3)
        await any_broker.publish(ledger, [event(4)])
        heir = any_broker.reader(ledger, "projector", "heir")
        assert numbers(await drain(heir, 4, within_s=15)) == [1, 2, 3, 4]

    async def test_groups_do_not_take_from_each_other(self, any_broker, ledger):
        """Each group sees every event."""
        await any_broker.publish(ledger, [event(1), event(2)])
        one = await drain(any_broker.reader(ledger, "projector", "a"), 2)
        other = await drain(any_broker.reader(ledger, "audit", "a"), 2)
        assert numbers(one) == numbers(other) == [1, 2]

    async def test_lag_counts_events_and_seconds(self, any_broker, ledger):
        """Lag is what the group has not acknowledged, and how old the oldest of it is."""
        await any_broker.publish(ledger, [event(n) for n in range(1, 6)])
        await asyncio.sleep(0.2)
        reader = any_broker.reader(ledger, "projector", "a")
        got = await drain(reader, 5)
        lag = await any_broker.lag(ledger, "projector")
        assert lag.events == 5
        assert 0.1 < lag.seconds < 10
        await reader.ack(got)
        assert (await any_broker.lag(ledger, "projector")) == type(lag)(0, 0.0)

    async def test_a_buried_event_is_kept_with_its_reason_and_passed_over(self, any_broker, ledger):
        """The dead-letter stream holds the event and why; the group goes on."""
        await any_broker.publish(ledger, [event(1), event(2)])
        reader = any_broker.reader(ledger, "projector", "a")
        first, _ = await drain(reader, 2)
        await reader.bury(first, "unknown type")
        await reader.again()
        assert numbers(await drain(reader, 1)) == [2]
        [(raw, why)] = await any_broker.dead(ledger)
        assert why == "unknown type"
        assert b"player:1" in raw

    async def test_subscription_survives_its_handler(self, any_broker, ledger):
        """A handler that fails and an event that nobody can use: the rest is handled exactly once each."""
        await any_broker.publish(ledger, [event(n) for n in range(1, 8)])
        stopping, handled, failures = asyncio.Event(), [], iter([True, False, True])

        async def handle(deliveries):
            if deliveries and next(failures, False):
                raise OSError("the store is away")
            for each in deliveries:
                if each.event.data["n"] == 3:
                    raise Unusable(each, "three is not wanted")
            handled.extend(numbers(deliveries))
            if len(handled) == 6:
                stopping.set()
            return deliveries

        progress = Progress()
        reader = any_broker.reader(ledger, "projector", "a")
        work = subscribe(reader, handle, stopping, policy=POLICY, progress=progress, retried=(OSError,))
        await asyncio.wait_for(work, 10)
        assert handled == [1, 2, 4, 5, 6, 7]
        assert (progress.handled, progress.buried) == (6, 1)
        assert (await any_broker.lag(ledger, "projector")).events == 0

    async def test_an_outage_buries_nothing_however_often_it_is_tried(self, any_broker, ledger):
        """Far more tries than `attempts_max`, and consumers that change: order stays, each is applied once."""
        await any_broker.publish(ledger, [event(n) for n in range(1, 8)])
        applied, progress = [], Progress()

        async def work(name, tries):
            stopping, left = asyncio.Event(), iter(range(tries))

            async def handle(deliveries):
                assert all(each.attempts <= 2 for each in deliveries)
                if deliveries and next(left, None) is not None:
                    raise OSError("the store is away")
                if deliveries or len(applied) == 7:
                    stopping.set()
                if name == "first":
                    return []
                applied.extend(numbers(deliveries))
                return deliveries

            reader = any_broker.reader(ledger, "projector", name)
            await subscribe(reader, handle, stopping, policy=POLICY, progress=progress, retried=(OSError,))

        for _ in range(POLICY.attempts_max + 1):
            await asyncio.wait_for(work("first", 2), 10)
        await asyncio.wait_for(work("second", 3 * POLICY.attempts_max), 20)
        assert applied == [1, 2, 3, 4, 5, 6, 7]
        assert progress.buried == 0
        assert await any_broker.dead(ledger) == []
        assert (await any_broker.lag(ledger, "projector")).events == 0

    async def test_an_event_that_kills_all_who_take_it_is_buried_and_it_alone(self, any_broker, ledger):
        """Consumers die over one of five events; those beside it, which the dead had in hand too, are all handled."""
        await any_broker.publish(ledger, [event(n) for n in range(1, 6)])
        handled, died = [], 0
        while len(handled) < 4:
            reader = any_broker.reader(ledger, "projector", f"c{died}")
            while len(handled) < 4:
                got = await drain(reader, 1, within_s=20)
                if 3 in numbers(got):
                    died += 1
                    break
                handled += numbers(got)
                await reader.ack(got)
            assert died <= POLICY.attempts_max + 1
        assert handled == [1, 2, 4, 5]
        assert died >= POLICY.attempts_max
        [(raw, why)] = await any_broker.dead(ledger)
        assert b'"n":3' in raw
        assert "consumers took it and died" in why
        await reader.aclose()


class TestStreams:
    """What only Streams have to prove."""

    async def test_one_consumer_of_a_group_reads_at_a_time(self, broker):
        """A second consumer waits while the first one lives, so order holds."""
        first, second = (broker.reader("ledger", "projector", name) for name in ("first", "second"))
        await first.fetch()
        await broker.publish("ledger", [event(1)])
        assert await second.fetch() == []
        assert numbers(await drain(first, 1)) == [1]
        await first.aclose()
        assert numbers(await drain(second, 1)) == [1]

    async def test_what_is_no_event_is_buried(self, broker):
        """Bytes that are no event do not stop the stream."""
        await broker.pipeline([("XADD", "stream:ledger", "*", "event", "{not json")])
        await broker.publish("ledger", [event(1)])
        assert numbers(await drain(broker.reader("ledger", "projector", "a"), 1)) == [1]
        [(raw, why)] = await broker.dead("ledger")
        assert raw == b"{not json"
        assert why.startswith("not an event")

    async def test_a_stream_is_bounded(self, server):
        """The oldest events go when the bound is reached, approximately."""
        broker = connect(server.url, BrokerPolicy(stream_events_max=200))
        await broker.publish("bounded", [event(n) for n in range(1, 1001)])
        got = await drain(broker.reader("bounded", "g", "a"), 200)
        assert len(got) < 400
        await broker.aclose()

    async def test_a_stopped_broker_is_one_typed_error_and_a_restarted_one_is_used_again(self):
        """Refused, hung and empty after a restart: `BrokerUnavailable` in time, then on again by itself."""
        with ValkeyServer() as server:
            broker = connect(server.url, POLICY)
            reader = broker.reader("ledger", "projector", "a")
            await broker.publish("ledger", [event(1)])
            await reader.ack(await drain(reader, 1))
            server.stop()
            for call in (broker.publish("ledger", [event(2)]), reader.fetch(), broker.lag("ledger", "projector")):
                with pytest.raises(BrokerUnavailable):
                    await call
            server.start()
            await broker.publish("ledger", [event(3)])
            assert numbers(await drain(reader, 1)) == [3]
            server.hang()
            began = time.monotonic()
            with pytest.raises(BrokerUnavailable):
                await broker.publish("ledger", [event(4)])
            assert time.monotonic() - began < 2
            server.resume()
            await broker.aclose()

    async def test_a_flushed_stream_is_read_from_its_new_beginning(self, broker, server):
        """A group that the store forgot is made again, at the oldest event there is."""
        reader = broker.reader("ledger", "projector", "a")
        await broker.publish("ledger", [event(1)])
        await reader.ack(await drain(reader, 1))
        server.flush()
        await broker.publish("ledger", [event(2)])
        assert numbers(await drain(reader, 1)) == [2]


class TestKafka:
    """What only Kafka has to prove, through librdkafka's mock cluster."""

    @pytest.fixture
    async def broker(self, kafka):
        opened = connect(kafka.url, POLICY)
        yield opened
        kafka.up()
        kafka.slow(0)
        for request in (PRODUCE, OFFSET_COMMIT):
            kafka.answer_well(request)
        await opened.aclose()

    async def test_a_broker_that_is_down_is_one_typed_error_and_used_again_when_it_is_up(self, broker, kafka, ledger):
        """Publishing, reading and lag each end in time with `BrokerUnavailable`; nothing acknowledged comes again."""
        reader = broker.reader(ledger, "projector", "a")
        await broker.publish(ledger, [event(1)])
        await reader.ack(await drain(reader, 1))
        kafka.down()
        for call in (broker.publish(ledger, [event(2)]), reader.fetch(), broker.lag(ledger, "projector")):
            began = time.monotonic()
            with pytest.raises(BrokerUnavailable):
                await call
            assert time.monotonic() - began < 5
        kafka.up()
        await broker.publish(ledger, [event(3)])
        assert numbers(await retried(reader, 1)) == [3]
        await reader.aclose()

    async def test_a_slow_broker_is_waited_for_within_the_limit(self, broker, kafka, ledger):
        """Slow answers are answers; too slow ones are a typed error."""
        await broker.publish(ledger, [event(1)])
        kafka.slow(150)
        await broker.publish(ledger, [event(2)])
        kafka.slow(5000)
        with pytest.raises(BrokerUnavailable):
            await broker.publish(ledger, [event(3)])

    async def test_passing_errors_are_retried_and_lasting_ones_are_told(self, broker, kafka, ledger):
        """A leader that moved costs nothing; a refusal is `BrokerUnavailable` with its name."""
        await broker.publish(ledger, [event(1)])
        kafka.answer_errors(PRODUCE, NOT_LEADER)
        await broker.publish(ledger, [event(2)])
        kafka.answer_errors(PRODUCE, TOPIC_AUTHORIZATION_FAILED)
        with pytest.raises(BrokerUnavailable, match="AUTHORIZATION"):
            await broker.publish(ledger, [event(3)])
        await broker.publish(ledger, [event(4)])
        assert numbers(await drain(broker.reader(ledger, "g", "a"), 3)) == [1, 2, 4]

    async def test_an_acknowledgement_that_was_refused_means_that_the_event_comes_again(self, broker, kafka, ledger):
        """What the broker did not write down as done is handed out once more."""
        await broker.publish(ledger, [event(1)])
        reader = broker.reader(ledger, "projector", "a")
        got = await drain(reader, 1)
        kafka.answer_errors(OFFSET_COMMIT, TOPIC_AUTHORIZATION_FAILED)
        with pytest.raises(BrokerUnavailable):
            await reader.ack(got)
        await reader.again()
        again = await drain(reader, 1)
        assert (numbers(again), again[0].attempts) == ([1], 1)
        await reader.ack(again)
        assert (await broker.lag(ledger, "projector")).events == 0
        await reader.aclose()
