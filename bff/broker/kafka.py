"""The broker on Kafka.

Public: `KafkaBroker`.
A stream is one partition of one topic, so that it is one ordered log here too: whoever reads it can see what is
missing. Keys are the events' aggregates. The group protocol lets one consumer read at a time; the offset is
committed only as far as everything before it was acknowledged. Librdkafka blocks, so each client has a thread.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from bff.broker.policy import BrokerPolicy
from bff.broker.port import BrokerUnavailable, Delivery, Lag, decode, encode
from bff.contracts.event import Event

T = TypeVar("T")

PARTITION = 0
# A producer that counts its messages gets its number first, and librdkafka takes half a second to ask for it.
_IDENTITY_MS = 1000
_NOT_THERE_YET = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}


def dead_letter(stream: str) -> str:
    """Where the buried events of `stream` are kept."""
    return f"{stream}.dead"


class _Client:
    """A thread for one blocking client; its errors become ours here."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"kafka-{name}")

    async def run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except KafkaException as error:
            raise BrokerUnavailable(f"Kafka: {error.args[0]}") from error

    def close(self) -> None:
        self._thread.shutdown(wait=False)


class KafkaBroker:
    """Opens no connection until the first call."""

    def __init__(self, servers: str, policy: BrokerPolicy) -> None:
        self.policy = policy
        self.servers = servers
        self._client = _Client("producer")
        self._producer: Producer | None = None
        self._watchers: dict[str, tuple[_Client, Consumer]] = {}

    def __repr__(self) -> str:
        return "<KafkaBroker>"

    async def publish(self, stream: str, events: Sequence[Event]) -> None:
        for start in range(0, len(events), self.policy.batch_events_max):
            batch = events[start : start + self.policy.batch_events_max]
            await self.produce(stream, [(event.aggregate, encode(event), None) for event in batch])

    async def produce(self, topic: str, messages: Sequence[tuple[str, bytes, dict[str, str] | None]]) -> None:
        """Key, value and headers each; returns when all of them are in."""
        await self._client.run(lambda: self._produce(topic, messages))

    def _produce(self, topic: str, messages: Sequence[tuple[str, bytes, dict[str, str] | None]]) -> None:
        producer = self._producer = self._producer or self._new_producer()
        failures: list[KafkaError] = []

        def told(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        for key, value, headers in messages:
            producer.produce(
                topic, value, key, PARTITION, on_delivery=told, headers=list(headers.items()) if headers else None
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
        """What all clients are told."""
        return {
            "bootstrap.servers": self.servers,
            "socket.connection.setup.timeout.ms": max(1000, self.policy.connect_ms),
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000,
            "log_level": 2,
            "error_cb": lambda _error: None,  # every call tells its own failure
        }

    def reader(self, stream: str, group: str, consumer: str) -> "KafkaReader":
        return KafkaReader(self, stream, group, consumer)

    async def lag(self, stream: str, group: str) -> Lag:
        client, watcher = self._watcher(group)
        return await client.run(lambda: self._lag(watcher, stream))

    def _lag(self, watcher: Consumer, stream: str) -> Lag:
        timeout_s = self.policy.op_ms / 1000
        place = TopicPartition(stream, PARTITION)
        try:
            low, high = watcher.get_watermark_offsets(place, timeout=timeout_s)
            [committed] = watcher.committed([place], timeout=timeout_s)
        except KafkaException as error:
            if error.args[0].code() in _NOT_THERE_YET:
                return Lag(0, 0.0)
            raise
        at = max(low, committed.offset)
        if at >= high:
            return Lag(0, 0.0)
        oldest = self._read(watcher, stream, at, 1)
        return Lag(high - at, _age_s(oldest[0]) if oldest else 0.0)

    async def dead(self, stream: str, *, newest: int = 100) -> list[tuple[bytes, str]]:
        client, watcher = self._watcher("dead-letters")
        return await client.run(lambda: self._dead(watcher, dead_letter(stream), newest))

    def _dead(self, watcher: Consumer, topic: str, newest: int) -> list[tuple[bytes, str]]:
        try:
            low, high = watcher.get_watermark_offsets(
                TopicPartition(topic, PARTITION), timeout=self.policy.op_ms / 1000
            )
        except KafkaException as error:
            if error.args[0].code() in _NOT_THERE_YET:
                return []
            raise
        count = min(newest, high - low)
        found = self._read(watcher, topic, high - count, count) if count else []
        return [(message.value() or b"", _why(message)) for message in reversed(found)]

    def _read(self, watcher: Consumer, topic: str, offset: int, count: int) -> list[Message]:
        watcher.assign([TopicPartition(topic, PARTITION, offset)])
        found: list[Message] = []
        deadline = time.monotonic() + self.policy.op_ms / 1000
        while len(found) < count and (left := deadline - time.monotonic()) > 0:
            found += [each for each in watcher.consume(count - len(found), left) if each.error() is None]
        watcher.unassign()
        return found

    def _watcher(self, group: str) -> tuple[_Client, Consumer]:
        """A consumer that looks but never joins the group."""
        if group not in self._watchers:
            settings = {**self.common(), "group.id": group, "enable.auto.commit": False}
            self._watchers[group] = (_Client("watcher"), Consumer(settings))
        return self._watchers[group]

    async def aclose(self) -> None:
        for client, watcher in self._watchers.values():
            await client.run(watcher.close)
            client.close()
        self._watchers.clear()
        self._client.close()


class KafkaReader:
    """See `bff.broker.port.Reader`."""

    def __init__(self, broker: KafkaBroker, stream: str, group: str, consumer: str) -> None:
        self._broker = broker
        self._stream, self._group, self._name = stream, group, consumer
        self._client = _Client("reader")
        self._consumer: Consumer | None = None
        self._unacked: dict[int, int] = {}  # offset -> how often it was handed out
        self._acked: set[int] = set()  # acknowledged before something older was
        self._next = 0  # the offset after the last one that was handed out
        self.leading = False

    def __repr__(self) -> str:
        return f"<KafkaReader {self._stream} {self._group}/{self._name} {'reads' if self.leading else 'waits'}>"

    async def fetch(self) -> list[Delivery]:
        messages = await self._client.run(self._consume)
        deliveries = []
        for message in messages:
            offset = int(message.offset() or 0)
            if offset in self._acked:
                continue
            tries = self._unacked[offset] = self._unacked.get(offset, 0) + 1
            self._next = max(self._next, offset + 1)
            raw = message.value() or b""
            try:
                event = decode(raw)
            except msgspec.DecodeError as error:
                await self._bury(offset, raw, f"not an event: {error}")
                continue
            if tries > self._broker.policy.attempts_max:
                await self._bury(offset, raw, f"handed out {tries} times and never acknowledged")
                continue
            deliveries.append(Delivery(str(offset), event, tries, _age_s(message)))
        return deliveries

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        await self._done([int(each.at) for each in deliveries])

    async def bury(self, delivery: Delivery, why: str) -> None:
        await self._bury(int(delivery.at), encode(delivery.event), why)

    async def again(self) -> None:
        if self._unacked and self._consumer is not None and self.leading:
            place = TopicPartition(self._stream, PARTITION, min(self._unacked))
            consumer = self._consumer
            await self._client.run(lambda: consumer.seek(place))

    async def aclose(self) -> None:
        consumer, self._consumer = self._consumer, None
        self.leading = False
        if consumer is not None:
            await self._client.run(consumer.close)
        self._client.close()

    async def _bury(self, offset: int, raw: bytes, why: str) -> None:
        await self._broker.produce(dead_letter(self._stream), [(self._stream, raw, {"why": why, "at": str(offset)})])
        await self._done([offset])

    async def _done(self, offsets: list[int]) -> None:
        offsets = [offset for offset in offsets if offset in self._unacked]
        if not offsets:
            return
        left = self._unacked.keys() - set(offsets)
        place = TopicPartition(self._stream, PARTITION, min(left, default=self._next))
        await self._client.run(lambda: self._commit(place))
        for offset in offsets:
            del self._unacked[offset]
        self._acked = {offset for offset in self._acked.union(offsets) if offset >= place.offset}

    def _commit(self, place: TopicPartition) -> None:
        if self._consumer is not None:
            self._consumer.commit(offsets=[place], asynchronous=False)

    def _consume(self) -> list[Message]:
        policy = self._broker.policy
        if self._consumer is None:
            self._consumer = self._join()
        # Asked for many, the client waits for all of them or for the time to pass; so the first is asked for alone.
        messages = self._consumer.consume(1, policy.block_ms / 1000)
        if messages:
            messages += self._consumer.consume(policy.batch_events_max - 1, 0)
        wrong = [error for message in messages if (error := message.error()) is not None]
        for error in wrong:
            if error.code() == KafkaError._MAX_POLL_EXCEEDED:
                self._forget()  # this consumer was too slow and has been replaced; it joins again by itself
            elif error.code() not in _NOT_THERE_YET and not error.retriable():
                raise KafkaException(error)
        good = [message for message in messages if message.error() is None and message.partition() == PARTITION]
        if not good:
            # Silence is either peace or a dead broker; the client does not tell them apart, a question does.
            self._consumer.list_topics(timeout=policy.op_ms / 1000)
        return good

    def _join(self) -> Consumer:
        policy = self._broker.policy
        consumer = Consumer(
            {
                **self._broker.common(),
                "group.id": self._group,
                "client.id": self._name,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "allow.auto.create.topics": True,
                "topic.metadata.refresh.interval.ms": 1000,
                "session.timeout.ms": policy.session_ms,
                "heartbeat.interval.ms": policy.session_ms // 3,
                "max.poll.interval.ms": max(policy.session_ms, policy.silence_ms_max),
                "fetch.wait.max.ms": min(500, policy.block_ms),
                "fetch.error.backoff.ms": 50,
            }
        )
        consumer.subscribe([self._stream], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        return consumer

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._forget()
        self.leading = any(place.partition == PARTITION for place in places)
        consumer.assign(places)

    def _revoked(self, consumer: Consumer, _places: list[TopicPartition]) -> None:
        self._forget()
        consumer.unassign()

    def _forget(self) -> None:
        self.leading = False
        self._unacked.clear()
        self._acked.clear()


def _age_s(message: Message) -> float:
    kind, at_ms = message.timestamp()
    return max(0.0, time.time() - at_ms / 1000) if kind else 0.0


def _why(message: Message) -> str:
    headers = dict(message.headers() or [])
    why = headers.get("why") or b""
    return why.decode() if isinstance(why, bytes) else why
