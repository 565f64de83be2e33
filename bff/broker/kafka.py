"""The broker on Kafka.

Public: `KafkaBroker`.
A stream is a topic, and each of its partitions is one ordered log, so that whoever reads it can see what is missing.
Keys are the events' aggregates. The offset is committed only as far as everything before it was acknowledged.
Librdkafka blocks, so each client has a thread.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from bff.broker.kafka_client import FIRST, NOT_THERE_YET, Client, age_s
from bff.broker.kafka_reader import KafkaReader
from bff.broker.kafka_topics import ensure_partitions
from bff.broker.policy import BrokerPolicy
from bff.broker.port import Lag, dead_letter_stream, encode
from bff.contracts.event import Event

# A producer that counts its messages gets its number first, and librdkafka takes half a second to ask for it.
_IDENTITY_MS = 1000

_Message = tuple[str, bytes, dict[str, str] | None]


class KafkaBroker:
    """Opens no connection until the first call."""

    def __init__(self, servers: str, policy: BrokerPolicy, security: Mapping[str, str] | None = None) -> None:
        self.policy = policy
        self.servers = servers
        self._security = dict(security or {})
        self._client = Client("producer")
        self._producer: Producer | None = None
        self._watchers: dict[str, tuple[Client, Consumer]] = {}

    def __repr__(self) -> str:
        return "<KafkaBroker>"

    async def publish(self, stream: str, events: Sequence[Event], *, partition: int = 0) -> None:
        for start in range(0, len(events), self.policy.batch_events_max):
            batch = events[start : start + self.policy.batch_events_max]
            await self.produce(stream, [(event.aggregate, encode(event), None) for event in batch], partition)

    async def produce(self, topic: str, messages: Sequence[_Message], partition: int = FIRST) -> None:
        """Key, value and headers each; returns when all of them are in."""
        await self._client.run(lambda: self._produce(topic, messages, partition))

    def _produce(self, topic: str, messages: Sequence[_Message], partition: int) -> None:
        producer = self._producer = self._producer or self._new_producer()
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        for key, value, headers in messages:
            producer.produce(
                topic, value, key, partition, on_delivery=delivered, headers=list(headers.items()) if headers else None
            )
        # Every message ends by its own limit, so this is a little more than that limit.
        left = producer.flush((self.policy.op_ms + 2 * _IDENTITY_MS) / 1000)
        if left or failures:
            # What is still under way must not arrive after what is sent again: this producer sends nothing more.
            producer.purge(in_queue=True, in_flight=True)
            self._producer = None
            raise KafkaException(failures[0] if failures else KafkaError(KafkaError._TIMED_OUT))

    def _new_producer(self) -> Producer:
        return Producer(
            {
                **self.common(),
                "enable.idempotence": True,
                "linger.ms": 0,
                "delivery.timeout.ms": self.policy.op_ms + _IDENTITY_MS,
                "request.timeout.ms": self.policy.op_ms,
            }
        )

    def common(self) -> dict[str, Any]:
        """The settings of all clients."""
        return {
            "bootstrap.servers": self.servers,
            **self._security,
            "socket.connection.setup.timeout.ms": max(1000, self.policy.connect_ms),
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000,
            "log_level": 2,
            "error_cb": lambda _error: None,  # every call tells its own failure
        }

    async def prepare(self, stream: str, partitions: int) -> None:
        admin, timeout_s = AdminClient(self.common()), self.policy.op_ms / 1000
        await self._client.run(lambda: ensure_partitions(admin, stream, partitions, timeout_s))

    def reader(self, stream: str, group: str, consumer: str, *, partition: int | None = None) -> KafkaReader:
        return KafkaReader(self, stream, group, consumer, partition)

    async def lag(self, stream: str, group: str, *, partition: int = 0) -> Lag:
        client, watcher = self._watcher(group)
        return await client.run(lambda: self._lag(watcher, TopicPartition(stream, partition)))

    def _lag(self, watcher: Consumer, place: TopicPartition) -> Lag:
        timeout_s = self.policy.op_ms / 1000
        try:
            low, high = watcher.get_watermark_offsets(place, timeout=timeout_s)
            [committed] = watcher.committed([place], timeout=timeout_s)
        except KafkaException as error:
            if error.args[0].code() in NOT_THERE_YET:
                return Lag(0, 0.0)
            raise
        at = max(low, committed.offset)
        if at >= high:
            return Lag(0, 0.0)
        oldest = self._read(watcher, TopicPartition(place.topic, place.partition, at), 1)
        return Lag(high - at, age_s(oldest[0]) if oldest else 0.0)

    async def dead_letters(self, stream: str, *, newest: int = 100) -> list[tuple[bytes, str]]:
        client, watcher = self._watcher("dead-letters")
        return await client.run(lambda: self._dead_letters(watcher, dead_letter_stream(stream), newest))

    def _dead_letters(self, watcher: Consumer, topic: str, newest: int) -> list[tuple[bytes, str]]:
        try:
            low, high = watcher.get_watermark_offsets(TopicPartition(topic, FIRST), timeout=self.policy.op_ms / 1000)
        except KafkaException as error:
            if error.args[0].code() in NOT_THERE_YET:
                return []
            raise
        count = min(newest, high - low)
        found = self._read(watcher, TopicPartition(topic, FIRST, high - count), count) if count else []
        return [(message.value() or b"", _failure_detail(message)) for message in reversed(found)]

    def _read(self, watcher: Consumer, place: TopicPartition, count: int) -> list[Message]:
        watcher.assign([place])
        found: list[Message] = []
        deadline = time.monotonic() + self.policy.op_ms / 1000
        while len(found) < count and (left := deadline - time.monotonic()) > 0:
            found += [each for each in watcher.consume(count - len(found), left) if each.error() is None]
        watcher.unassign()
        return found

    def _watcher(self, group: str) -> tuple[Client, Consumer]:
        """A consumer that looks but never joins the group."""
        if group not in self._watchers:
            settings = {**self.common(), "group.id": group, "enable.auto.commit": False}
            self._watchers[group] = (Client("watcher"), Consumer(settings))
        return self._watchers[group]

    async def aclose(self) -> None:
        for client, watcher in self._watchers.values():
            await client.run(watcher.close)
            client.close()
        self._watchers.clear()
        self._client.close()


def _failure_detail(message: Message) -> str:
    headers = dict(message.headers() or [])
    why = headers.get("why") or b""
    return why.decode() if isinstance(why, bytes) else why
