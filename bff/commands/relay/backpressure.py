"""Backpressure: how many events of each partition may be published before its reader is too far behind.

Public: `Backpressure`.

A stream holds so many events and drops the oldest. What is published faster than it is read is dropped before anybody
has read it, requested once more, and published faster than it is read again; so the relay waits, and what waits with it
stands in the outbox, where nothing is lost. A partition whose reader is behind waits alone: the others have readers of
their own.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import Gauge

from bff.broker import Broker
from bff.contracts.ledger import LEDGER_READER, LEDGER_STREAM

HELD_BACK = Gauge("mullion_relay_partitions_held_back", "Partitions of this relay whose reader is too far behind")


@dataclass(slots=True)
class _Reader:
    """`unread` is what it had not read when the broker was asked, and what was published since. While it reads nothing
    the broker is asked again at `ask_at`, after a wait that grows."""

    unread: int
    wait_s: float = 0.0
    ask_at: float = 0.0


class Backpressure:
    """At most `unread_events_max` events wait for the reader in any partition. The broker is asked only once the last
    known room is used up, so a reader that keeps up costs nothing.
    """

    def __init__(self, broker: Broker, unread_events_max: int, *, ask_s_min: float, ask_s_max: float) -> None:
        self._broker, self._unread_events_max = broker, unread_events_max
        self._ask_s_min, self._ask_s_max = ask_s_min, ask_s_max
        self._readers: dict[int, _Reader] = {}

    def __repr__(self) -> str:
        return f"<Backpressure {self.room(self._readers)} of {self._unread_events_max}>"

    def room(self, partitions: Iterable[int]) -> dict[int, int]:
        """How many events of each may be published; none before the broker was asked about it."""
        return {each: self._room(self._readers.get(each)) for each in partitions}

    @property
    def held_back(self) -> list[int]:
        """Partitions whose reader has no room."""
        return sorted(each for each, reader in self._readers.items() if not self._room(reader))

    async def refresh(self, wanted: int, partitions: Iterable[int], now: float) -> None:
        """Ask how far the readers of those of `partitions` are where there is less room than `wanted`. Raises
        `BrokerUnavailable`."""
        due = [place for place in partitions if self._is_due(self._readers.get(place), wanted, now)]
        lags = await asyncio.gather(*(self._broker.lag(LEDGER_STREAM, LEDGER_READER, partition=place) for place in due))
        for place, lag in zip(due, lags, strict=True):
            before = self._readers.get(place)
            reader = self._readers[place] = _Reader(lag.events)
            if before is not None and 0 < before.unread <= lag.events:
                reader.wait_s = min(self._ask_s_max, 2 * before.wait_s or self._ask_s_min)
                reader.ask_at = now + reader.wait_s
        HELD_BACK.set(len(self.held_back))

    def keep(self, partitions: Collection[int]) -> None:
        """Only these are sent from here on; of those that are new nothing is known."""
        self._readers = {place: reader for place, reader in self._readers.items() if place in partitions}
        HELD_BACK.set(len(self.held_back))

    def count_published(self, events: Mapping[int, int]) -> None:
        """Count so many events of each partition as published."""
        for place, count in events.items():
            if place in self._readers:
                self._readers[place].unread += count

    def _room(self, reader: _Reader | None) -> int:
        return max(0, self._unread_events_max - reader.unread) if reader else 0

    def _is_due(self, reader: _Reader | None, wanted: int, now: float) -> bool:
        return reader is None or (self._room(reader) < wanted and now >= reader.ask_at)
