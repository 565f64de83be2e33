"""The freshness of the feed `ledger`, as one partition's projector reports it.

Public: `LedgerFeed`.

Everybody reads one feed, `ledger`. Where the ledger has several partitions each of them is a part of it. What a player
reads and hears is what the player's own part says; the feed as a whole is live only while all parts are.
"""

from bff.resilience.reason import Reason
from bff.store import Store

FEED = "ledger"


class LedgerFeed:
    """`partitions` is the number in force, from the ledger's last heartbeat."""

    def __init__(self, store: Store, partition: int, partitions: int) -> None:
        self._store, self._partition = store, partition
        self.partitions = max(partitions, partition + 1)

    @property
    def part(self) -> int | None:
        """Which part of the feed this partition is, None where it is all of it."""
        return self._partition if self.partitions > 1 else None

    async def live(self, epoch: str) -> None:
        """All players of this partition have been stated in `epoch`; a record that is older is not in the ledger."""
        data = {"epoch": epoch}
        if self.part is None:
            await self._store.heartbeat(FEED, data=data)
        else:
            await self._store.heartbeat_of_part(FEED, self.part, self.partitions, data=data)

    async def stale(self) -> None:
        """Views stop showing it as live. The epoch of the last heartbeat stays as it is."""
        if self.part is None:
            beat = (await self._store.freshness(FEED)).data
            await self._store.heartbeat(FEED, "stale", Reason.FEED_STALE, data=beat)
        else:
            await self._store.heartbeat_of_part(FEED, self.part, self.partitions, "stale", Reason.FEED_STALE)
