"""Properties that only Kafka has, through librdkafka's mock cluster."""

import time
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from bff.broker import BrokerUnavailable, connect, kafka_reader
from bff.broker import kafka as kafka_broker
from tests.support.broker_rig import POLICY, drain, event, numbers, retried
from tests.support.kafka_mock import NOT_LEADER, OFFSET_COMMIT, PRODUCE, TOPIC_AUTHORIZATION_FAILED, KafkaMock


@pytest.fixture(scope="module")
def kafka():
    with KafkaMock() as running:
        yield running


@pytest.fixture
async def broker(kafka):
    opened = connect(kafka.url, POLICY)
    yield opened
    kafka.up()
    kafka.slow(0)
    for request in (PRODUCE, OFFSET_COMMIT):
        kafka.answer_well(request)
    await opened.aclose()


async def test_a_broker_that_is_down_is_one_typed_error_and_used_again_when_it_is_up(broker, kafka, ledger, group):
    """Publishing, reading and lag each end in time with `BrokerUnavailable`; nothing acknowledged comes again."""
    reader = broker.reader(ledger, group, "a")
    await broker.publish(ledger, [event(1)])
    await reader.ack(await drain(reader, 1))
    kafka.down()
    for call in (broker.publish(ledger, [event(2)]), reader.fetch(), broker.lag(ledger, group)):
        began = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            await call
        assert time.monotonic() - began < 15
    kafka.up()
    await broker.publish(ledger, [event(3)])
    assert numbers(await retried(reader, 1)) == [3]
    await reader.aclose()


async def test_reader_whose_client_finds_no_broker_again_reads_on_with_a_new_one(broker, ledger, monkeypatch):
    """After an outage one client asked in vain for minutes, while every new one was answered at once."""
    broker.policy = replace(broker.policy, block_ms=20, renew_ms=150)
    made: list[Consumer] = []

    class Lost(Consumer):
        """The first one of them reaches nobody once it has read something."""

        def __init__(self, settings):
            super().__init__(settings)
            made.append(self)

        def consume(self, *arguments):
            return super().consume(*arguments) if self is not lost else []

        def list_topics(self, *arguments, **options):
            if self is lost:
                raise KafkaException(KafkaError(KafkaError._TRANSPORT))
            return super().list_topics(*arguments, **options)

    lost: Consumer | None = None
    monkeypatch.setattr(kafka_reader, "Consumer", Lost)
    reader = broker.reader(ledger, "projector", "a", partition=0)
    await broker.publish(ledger, [event(1), event(2)])
    got = await drain(reader, 2)
    await reader.ack(got[:1])
    [lost] = made
    await broker.publish(ledger, [event(3)])
    assert numbers(await retried(reader, 2)) == [2, 3], "what was not acknowledged comes once more"
    assert len(made) == 2
    await reader.aclose()


async def test_outage_after_which_the_reader_has_a_new_client_loses_and_ends_nothing(broker, kafka, ledger, group):
    """Leaving the old client is bounded too, though it has an event in hand that it can give back to nobody."""
    broker.policy = replace(broker.policy, block_ms=20, renew_ms=500)
    reader = broker.reader(ledger, group, "a", partition=0)
    await broker.publish(ledger, [event(1), event(2)])
    await reader.ack((await drain(reader, 2))[:1])
    before = reader._consumer
    kafka.down()
    while reader._consumer is before:
        began = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            await reader.fetch()
        assert time.monotonic() - began < 15
    kafka.up()
    again = await retried(reader, 1)
    assert (numbers(again), again[0].attempts) == ([2], 2), "once more, and counted as one death at most"
    await reader.ack(again)
    await reader.aclose()


async def test_a_slow_broker_is_waited_for_within_the_limit(broker, kafka, ledger):
    """Slow answers are answers; too slow ones are a typed error."""
    await broker.publish(ledger, [event(1)])
    kafka.slow(150)
    await broker.publish(ledger, [event(2)])
    kafka.slow(5000)
    with pytest.raises(BrokerUnavailable):
        await broker.publish(ledger, [event(3)])


async def test_passing_errors_are_retried_and_lasting_ones_are_told(broker, kafka, ledger, group):
    """A leader that moved costs nothing; a refusal is `BrokerUnavailable` with its name."""
    await broker.publish(ledger, [event(1)])
    kafka.answer_errors(PRODUCE, NOT_LEADER)
    await broker.publish(ledger, [event(2)])
    kafka.answer_errors(PRODUCE, TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(BrokerUnavailable, match="AUTHORIZATION"):
        await broker.publish(ledger, [event(3)])
    await broker.publish(ledger, [event(4)])
    assert numbers(await drain(broker.reader(ledger, group, "a"), 3)) == [1, 2, 4]


async def test_an_acknowledgement_that_was_refused_means_that_the_event_comes_again(broker, kafka, ledger, group):
    """What the broker did not write down as done is handed out once more."""
    await broker.publish(ledger, [event(1)])
    reader = broker.reader(ledger, group, "a")
    got = await drain(reader, 1)
    kafka.answer_errors(OFFSET_COMMIT, TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(BrokerUnavailable):
        await reader.ack(got)
    await reader.redeliver()
    again = await drain(reader, 1)
    assert (numbers(again), again[0].attempts) == ([1], 1)
    await reader.ack(again)
    assert (await broker.lag(ledger, group)).events == 0
    await reader.aclose()


async def test_who_is_assigned_takes_nothing_from_a_group_that_has_a_member(broker, ledger, group):
    """As while a release that joined the group is replaced: offsets are refused in one typed error, nothing is lost."""
    broker.policy = replace(broker.policy, session_ms=20_000, silence_ms_max=20_000)
    await broker.publish(ledger, [event(1), event(2)])
    member = broker.reader(ledger, group, "member")
    got = await drain(member, 2)
    await member.ack(got[:1])
    assigned = broker.reader(ledger, group, "assigned", partition=0)
    with pytest.raises(BrokerUnavailable, match="UNKNOWN_MEMBER"):
        await drain(assigned, 1)
    await assigned.aclose()
    assert (await broker.lag(ledger, group)).events == 1
    await member.ack(got[1:])
    assert (await broker.lag(ledger, group)).events == 0
    await member.aclose()


async def test_a_producer_never_doubles_what_it_sends_again(broker, ledger, monkeypatch):
    """The client numbers its messages, so a retry after a lost answer is known to the broker, and order is kept."""
    given = []

    def made(settings):
        given.append(settings)
        return Producer(settings)

    monkeypatch.setattr(kafka_broker, "Producer", made)
    await broker.publish(ledger, [event(1)])
    [settings] = given
    assert settings["enable.idempotence"] is True
    # Settings that the client itself would refuse or override in combination.
    assert settings.get("acks", "all") in ("all", -1)
    assert settings.get("max.in.flight.requests.per.connection", 5) <= 5
