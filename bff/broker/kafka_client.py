"""The border to librdkafka, which blocks.

Public: `Client`, `FIRST`, `NOT_THERE_YET`, `age_s`.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, Message

from bff.broker.port import BrokerUnavailable

T = TypeVar("T")

FIRST = 0  # the partition of a stream that has one
NOT_THERE_YET = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}


class Client:
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


def age_s(message: Message) -> float:
    """Seconds since the broker took the message, 0.0 where it does not say."""
    kind, at_ms = message.timestamp()
    return max(0.0, time.time() - at_ms / 1000) if kind else 0.0
