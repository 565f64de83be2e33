"""Backpressure: how many events may be published before the reader of the ledger's stream is too far behind.

Public: `Backpressure`.

A stream holds so many events and drops the oldest. What is published faster than it is read is dropped before anybody
has read it, requested once more, and published faster than it is read again; so the relay waits, and what waits with it
stands in the outbox, where nothing is lost.
"""

import asyncio
from collections.abc import Collection

from bff.broker import Broker
from bff.contracts.ledger import LEDGER_READER, LEDGER_STREAM


class Backpressure:
    """At most `unread_events_max` events wait for the reader in any partition. The broker is asked only when what was
    left is used up, so it costs nothing while the reader keeps up."""

    def __init__(self, broker: Broker, unread_events_max: int) -> None:
        self._broker, self._unread_events_max = broker, unread_events_max
        self.events_left = 0  # events that may be published; 0 until the broker was asked
        self.is_full = False

    def __repr__(self) -> str:
        return f"<Backpressure {self.events_left} of {self._unread_events_max}>"

    async def refresh(self, wanted: int, partitions: Collection[int]) -> None:
        """Ask how far the readers of `partitions` are, where less than `wanted` is left; the one that is furthest
        behind counts, for any event may be for it. Raises `BrokerUnavailable`."""
        if self.events_left < wanted:
            lags = await asyncio.gather(
                *(self._broker.lag(LEDGER_STREAM, LEDGER_READER, partition=each) for each in partitions)
            )
            self.events_left = max(0, self._unread_events_max - max((lag.events for lag in lags), default=0))
            self.is_full = not self.events_left

    def forget(self) -> None:
        """Other partitions are sent from here on: nothing may be published before the broker is asked about them."""
        self.events_left = 0

    def count_published(self, events: int) -> None:
        """Count events as published."""
        self.events_left = max(0, self.events_left - events)
