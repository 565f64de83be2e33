"""A topic gets as many partitions as the ledger needs before any event is sent."""

import secrets
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from bff.broker import BrokerUnavailable, connect
from bff.broker.kafka_topics import ensure_partitions
from tests.support.broker_rig import POLICY
from tests.support.kafka_mock import KafkaMock

MOCK_PARTITIONS = 4


class FakeAdmin:
    """A cluster with one topic of so many partitions, which records the requested changes."""

    def __init__(self, there, answer=None):
        self.there, self.answer, self.orders = there, answer, []

    def list_topics(self, topic, timeout):
        error = None if self.there else KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
        return SimpleNamespace(
            topics={topic: SimpleNamespace(error=error, partitions=dict.fromkeys(range(self.there)))}
        )

    def _done(self, order):
        self.orders.append(order)
        future = Future()
        if self.answer:
            future.set_exception(self.answer)
        else:
            future.set_result(None)
        return {"ledger": future}

    def create_partitions(self, changes, request_timeout):
        return self._done(("grow", changes[0].new_total_count))

    def create_topics(self, topics, request_timeout):
        return self._done(("make", topics[0].num_partitions))


@pytest.mark.parametrize(
    ("there", "orders"), [(0, [("make", 6)]), (2, [("grow", 6)]), (6, []), (9, [])], ids=["none", "few", "fits", "more"]
)
def test_a_topic_is_made_or_grows_and_never_shrinks(there, orders):
    admin = FakeAdmin(there)
    ensure_partitions(admin, "ledger", 6, 1.0)
    assert admin.orders == orders


def test_who_may_not_change_a_topic_says_what_somebody_else_is_to_do():
    """Nothing is published before: what goes to a partition that is not there would be refused one by one."""
    refusal = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(BrokerUnavailable, match=r"has 2 partitions and 6 are needed.*Give it 6"):
        ensure_partitions(FakeAdmin(2, refusal), "ledger", 6, 1.0)


async def test_a_cluster_is_asked_over_the_wire():
    """Librdkafka's own makes topics of four partitions and takes no orders; it is silent to them."""
    with KafkaMock() as kafka:
        broker, topic = connect(kafka.url, POLICY), f"ledger-{secrets.token_hex(4)}"
        await broker.prepare(topic, MOCK_PARTITIONS - 1)
        with pytest.raises(BrokerUnavailable, match="has 4 partitions and 9 are needed"):
            await broker.prepare(topic, 9)
        await broker.aclose()
