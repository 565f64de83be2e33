"""The port: what a house may ask of a broker, whichever it is.

A stream has one partition or several, counted from 0, and each of them is one ordered log.

Public: `Broker`, `BrokerUnavailable`, `Delivery`, `Lag`, `Reader`, `dead_letter_stream`, `encode`, `decode`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from bff.contracts.event import Event


class BrokerUnavailable(Exception):
    """The broker did not answer in time, or not at all, or refused. The message says how; nothing else is known."""

    reason = "broker_down"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event as it was handed out. `at` is its place in the stream.

    `attempts` counts the consumers that took it, this one included; those that left in order gave it back and do not
    count. `age_s` is how long ago the event entered the stream, by the broker's clock.
    """

    at: str
    event: Event
    attempts: int
    age_s: float


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a group is behind: events not yet acknowledged, and the age of the oldest of them in seconds."""

    events: int
    seconds: float


class Reader(Protocol):
    """One consumer's hold on a stream. Not for use by two tasks at once.

    `leading`: whether the last fetch could read. What it reads from then on follows what was acknowledged before.
    """

    @property
    def leading(self) -> bool: ...

    async def fetch(self) -> list[Delivery]:
        """The next events in order, those not acknowledged first; empty when there are none for a while,
        or while another consumer of the group reads."""

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """These are done and must not come again. What is handed out and never acknowledged comes again."""

    async def dead_letter(self, delivery: Delivery, why: str) -> None:
        """This one can not be handled: keep it in the dead-letter stream `<stream>.dead` and go on."""

    async def redeliver(self) -> None:
        """Hand out all unacknowledged events again, oldest first. Does no I/O and counts no death, as the consumer that
        asks is alive.
        """

    async def aclose(self) -> None:
        """Leave, so that the next consumer need not wait, and give back what is not acknowledged."""


class Broker(Protocol):
    """Every method raises `BrokerUnavailable` and nothing else (programming errors and cancellation apart)."""

    async def publish(self, stream: str, events: Sequence[Event], *, partition: int = 0) -> None:
        """Returns when the broker holds all of them, in this order. After an error any part may be in."""

    async def prepare(self, stream: str, partitions: int) -> None:
        """Make sure that `stream` has at least so many partitions, on brokers where partitions are created."""

    def reader(self, stream: str, group: str, consumer: str, *, partition: int | None = None) -> Reader:
        """A hold on `stream` for `group`; does no I/O. A group that is not known yet starts at the oldest event.

        With a `partition` it reads that one, and the caller sees to it that one consumer does so at a time (for a
        moment there may be two); without, the broker does, and it is the first. The readers of one group all name a
        partition or none does: Kafka refuses offsets from the former while one of the latter lives.
        """

    async def lag(self, stream: str, group: str, *, partition: int = 0) -> Lag:
        """How far `group` is behind on one partition of `stream`."""

    async def dead_letters(self, stream: str, *, newest: int = 100) -> list[tuple[bytes, str]]:
        """The dead letters of `stream`, newest first: the event as it came, and why."""

    async def aclose(self) -> None:
        """Let go of all connections."""


def dead_letter_stream(stream: str) -> str:
    """Where the dead letters of `stream` are kept."""
    return f"{stream}.dead"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """`event` as it travels."""
    return _encoder.encode(event)


def decode(raw: bytes) -> Event:
    """The event in `raw`; raises `msgspec.DecodeError` (its subclass `ValidationError` too) when there is none."""
    return _decoder.decode(raw)
