"""One consumer's hold on a partition of a Kafka topic.

Public: `KafkaReader`.
Where no partition is named, the group protocol lets one consumer read the first at a time. One that is named is
assigned here, for the caller sees to that; its offsets are the group's all the same, which then has no members.
Kafka does not count how often a message was taken. So the committed offset carries beside it who died over what
follows (`bff.broker.poison.DeathRecord`). It is written when a consumer takes over and before a suspect is handed out,
not before each batch: the first death is not counted, and a healthy consumer commits no more often for it.
A client that reaches no broker for `renew_ms` is replaced by a new one: after an outage one was seen that found none of
the brokers again which every new client found.
"""

import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from confluent_kafka import OFFSET_STORED, Consumer, KafkaError, KafkaException, Message, TopicPartition

from bff.broker.kafka_client import FIRST, NOT_THERE_YET, Client, age_s
from bff.broker.poison import DeathRecord
from bff.broker.port import Delivery, dead_letter_stream, decode, encode

if TYPE_CHECKING:
    from bff.broker.kafka import KafkaBroker


class KafkaReader:
    """See `bff.broker.port.Reader`."""

    def __init__(
        self, broker: "KafkaBroker", stream: str, group: str, consumer: str, partition: int | None = None
    ) -> None:
        self._broker = broker
        self._stream, self._group, self._name = stream, group, consumer
        self._is_assigned = partition is not None
        self._partition = partition or FIRST
        self._client = Client("reader")
        self._consumer: Consumer | None = None
        self._failing_since: float | None = None  # monotonic seconds
        self._unacked: dict[int, int] = {}  # offset -> how many consumers took it
        self._acked: set[int] = set()  # acknowledged before something older was
        self._next = 0  # the offset after the last one that was handed out
        self._rewind: int | None = None  # what was read from here on was not handed out, or is to be once more
        self._deaths: DeathRecord | None = None  # unknown until the first message after taking over
        self._before: DeathRecord | None = None  # what stood there before this consumer took what it holds
        self.leading = False

    def __repr__(self) -> str:
        state = "reads" if self.leading else "waits"
        return f"<KafkaReader {self._stream}/{self._partition} {self._group}/{self._name} {state}>"

    async def fetch(self) -> list[Delivery]:
        messages = await self._client.run(self._take)
        deaths = self._before or self._deaths or DeathRecord()
        deliveries = []
        for message in messages:
            offset = _offset(message)
            if offset in self._acked:
                continue
            tries = self._unacked.setdefault(offset, deaths.attempts(offset))
            self._next = max(self._next, offset + 1)
            raw = message.value() or b""
            try:
                event = decode(raw)
            except msgspec.DecodeError as error:
                await self._dead_letter(offset, raw, f"not an event: {error}")
                continue
            if tries > self._broker.policy.attempts_max:
                await self._dead_letter(offset, raw, f"{tries - 1} consumers took it and died")
                continue
            deliveries.append(Delivery(str(offset), event, tries, age_s(message)))
        return deliveries

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        await self._done([int(each.at) for each in deliveries])

    async def dead_letter(self, delivery: Delivery, why: str) -> None:
        await self._dead_letter(int(delivery.at), encode(delivery.event), why)

    async def redeliver(self) -> None:
        if self._unacked and self.leading:
            self._rewind = min(self._unacked)

    async def aclose(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self._client.run(lambda: self._leave(consumer))
        self.leading = False
        self._client.close()

    async def _dead_letter(self, offset: int, raw: bytes, why: str) -> None:
        await self._broker.produce(
            dead_letter_stream(self._stream), [(self._stream, raw, {"why": why, "at": str(offset)})]
        )
        await self._done([offset])

    async def _done(self, offsets: list[int]) -> None:
        offsets = [offset for offset in offsets if offset in self._unacked]
        if not offsets:
            return
        left = self._unacked.keys() - set(offsets)
        upto = min(left, default=self._next)
        deaths = (self._deaths or DeathRecord()).after(upto)
        await self._client.run(lambda: self._commit(upto, deaths))
        self._deaths = deaths
        for offset in offsets:
            self._unacked.pop(offset, None)
        self._acked = {offset for offset in self._acked.union(offsets) if offset >= upto}

    def _commit(self, upto: int, deaths: DeathRecord) -> None:
        if self._consumer is not None:
            place = TopicPartition(self._stream, self._partition, upto, str(deaths))
            self._consumer.commit(offsets=[place], asynchronous=False)

    def _take(self) -> list[Message]:
        """The next messages, from a new client where this one has failed for too long."""
        if self._consumer is None:
            self._consumer = self._join()
        try:
            messages = self._take_from(self._consumer)
        except KafkaException:
            self._renew_if_due()
            raise
        self._failing_since = None
        return messages

    def _renew_if_due(self) -> None:
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        elif self._consumer is not None and now - self._failing_since >= self._broker.policy.renew_ms / 1000:
            consumer, self._consumer, self._failing_since = self._consumer, None, None
            self._leave(consumer)

    def _take_from(self, consumer: Consumer) -> list[Message]:
        """Where deaths are counted, that the messages were handed out is written first."""
        self._go_back(consumer)
        messages = self._consume(consumer)
        fresh = [offset for each in messages if (offset := _offset(each)) not in self._unacked.keys() | self._acked]
        if fresh and self._is_to_be_written(fresh[0]):
            deaths = self._deaths or DeathRecord()
            taking = deaths.taking(fresh[0], fresh[-1])
            self._rewind = _offset(messages[0])
            self._commit(min([*self._unacked, fresh[0]]), taking)
            self._before, self._deaths, self._rewind = deaths, taking, None
        return messages

    def _is_to_be_written(self, offset: int) -> bool:
        """Once a takeover, and for each event that is handed out alone; one to be dead-lettered needs none."""
        deaths = self._deaths or DeathRecord()
        if deaths.attempts(offset) > self._broker.policy.attempts_max:
            return False
        return self._before is None or deaths.is_suspect(offset)

    def _go_back(self, consumer: Consumer) -> None:
        if self._rewind is not None and self.leading:
            try:
                consumer.seek(TopicPartition(self._stream, self._partition, self._rewind))
            except KafkaException:
                # It must not read on from elsewhere; joining anew begins at what was acknowledged.
                self._consumer = None
                self._leave(consumer)
                raise
        self._rewind = None

    def _consume(self, consumer: Consumer) -> list[Message]:
        policy = self._broker.policy
        # Asked for many, the client waits for all of them or for the time to pass; so the first is asked for alone.
        messages = consumer.consume(1, policy.block_ms / 1000)
        good = self._without_errors(messages)
        if good:
            self._rewind = _offset(good[0])  # until it is certain that what was read is also handed out
            if self._deaths is None:
                self._deaths = self._read_deaths(consumer)
            if not self._deaths.is_suspect(_offset(good[0])):
                messages += consumer.consume(policy.batch_events_max - 1, 0)
                good = self._without_errors(messages)
        for error in [error for message in messages if (error := message.error()) is not None]:
            if error.code() == KafkaError._MAX_POLL_EXCEEDED:
                self._forget()  # this consumer was too slow and has been replaced; it joins again by itself
            elif error.code() not in NOT_THERE_YET and not error.retriable():
                raise KafkaException(error)
        self._rewind = None
        if not good:
            # Silence is either peace or a dead broker; the client does not tell them apart, a question does.
            consumer.list_topics(timeout=policy.op_ms / 1000)
        return good

    def _without_errors(self, messages: list[Message]) -> list[Message]:
        return [each for each in messages if each.error() is None and each.partition() == self._partition]

    def _read_deaths(self, consumer: Consumer) -> DeathRecord:
        [place] = consumer.committed(
            [TopicPartition(self._stream, self._partition)], timeout=self._broker.policy.op_ms / 1000
        )
        return DeathRecord.read(place.metadata)

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
        if self._is_assigned:
            consumer.assign([TopicPartition(self._stream, self._partition, OFFSET_STORED)])
            self.leading = True
            return consumer
        consumer.subscribe([self._stream], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
        return consumer

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._forget()
        self.leading = any(place.partition == self._partition for place in places)
        consumer.assign(places)

    def _revoked(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._give_back(consumer)
        self._lost(consumer, places)

    def _lost(self, consumer: Consumer, _places: list[TopicPartition]) -> None:
        self._forget()
        consumer.unassign()

    def _leave(self, consumer: Consumer) -> None:
        self._give_back(consumer)
        self._forget()
        consumer.close()

    def _give_back(self, consumer: Consumer) -> None:
        """Undo that count for the events in hand, as no consumer died of them. If the write fails they count as one
        death.
        """
        if self._unacked and self._before is not None:
            upto = min(self._unacked)
            place = TopicPartition(self._stream, self._partition, upto, str(self._before.after(upto)))
            with contextlib.suppress(KafkaException):
                consumer.commit(offsets=[place], asynchronous=False)

    def _forget(self) -> None:
        self.leading = False
        self._unacked.clear()
        self._acked.clear()
        self._rewind = self._deaths = self._before = None


def _offset(message: Message) -> int:
    return int(message.offset() or 0)
