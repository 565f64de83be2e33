"""Topics with as many partitions as a stream needs.

Public: `ensure_partitions`.
"""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from bff.broker.port import BrokerUnavailable


def ensure_partitions(admin: AdminClient, topic: str, count: int, timeout_s: float) -> None:
    """Make `topic`, or give it more partitions, where it has fewer than `count`. One that has more is left as it is.

    Blocks. Raises `KafkaException` where Kafka does not answer, `BrokerUnavailable` where it does not let us: then
    somebody who may has to do it.
    """
    metadata = admin.list_topics(topic, timeout=timeout_s).topics[topic]
    there = 0 if metadata.error is not None else len(metadata.partitions)
    if there >= count:
        return
    if there:
        [change] = admin.create_partitions([NewPartitions(topic, count)], request_timeout=timeout_s).values()
    else:
        [change] = admin.create_topics([NewTopic(topic, count)], request_timeout=timeout_s).values()
    try:
        change.result(timeout_s)
    except (KafkaException, TimeoutError) as error:
        raise BrokerUnavailable(
            f"Kafka's topic {topic} has {there} partitions and {count} are needed, and it could not be changed from "
            f"here ({error}). Give it {count} by Kafka's own tools."
        ) from error
