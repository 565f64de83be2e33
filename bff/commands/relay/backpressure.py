"""How much may be published before the reader of the ledger's stream is too far behind.

Public: `Room`.

A stream holds so many events and lets go of the oldest. What is told faster than it is read is cut before anybody has
seen it, asked for once more, and told faster than it is read again; so the writer waits, and what waits with it stands
in the outbox, where nothing is lost.
"""

from bff.broker import Broker
from bff.contracts.ledger import LEDGER_READER, LEDGER_STREAM


class Room:
    """At most `unread_events_max` events wait for the reader. The broker is asked only when what was left is used up,
    so it costs nothing while the reader keeps up."""

    def __init__(self, broker: Broker, unread_events_max: int) -> None:
        self._broker, self._unread_events_max = broker, unread_events_max
        self.left = 0  # events that may be published; 0 until the broker was asked
        self.is_full = False

    def __repr__(self) -> str:
        return f"<Room {self.left} of {self._unread_events_max}>"

    async def look(self, wanted: int) -> None:
        """Ask how far the reader is, where less than `wanted` is left. Raises `BrokerUnavailable`."""
        if self.left < wanted:
            lag = await self._broker.lag(LEDGER_STREAM, LEDGER_READER)
            self.left = max(0, self._unread_events_max - lag.events)
            self.is_full = not self.left

    def use(self, events: int) -> None:
        """So many have been published."""
        self.left = max(0, self.left - events)
