"""Which partitions of the ledger this projector holds, and how many there are.

Public: `ProjectorShare`, `PARTITIONS_TOPIC`.

Nothing false can come of two that hold the same one for a moment: what is applied twice is no news, and a checkpoint is
moved by one of them.
"""

from collections.abc import Collection

from bff.store import Change, Share, Store

PARTITIONS_TOPIC = "projection.partitions"


class ProjectorShare:
    """`member` is this process's name. `partitions` is how many there are: one, until the ledger's heartbeats say more.

    Every method that does I/O raises `StoreUnavailable`.
    """

    def __init__(self, store: Store, member: str, lease_ms: int) -> None:
        self._store, self._member = store, member
        self._share = Share(store, "projector", member, lease_ms)
        self._reported = ("", 1)
        self.partitions = 1
        self.release, self.leave = self._share.release, self._share.leave

    def __repr__(self) -> str:
        return f"<ProjectorShare {self._member} of {self.partitions}>"

    def report(self, epoch: str, partitions: int) -> None:
        """The ledger has so many partitions in `epoch`; an earlier epoch is no news. Does no I/O."""
        self._reported = max(self._reported, (epoch, partitions))

    async def refresh(self, working: Collection[int], ending: Collection[int]) -> Change:
        """As `Share.refresh`, of as many partitions as there are."""
        self.partitions = await self._read_partitions()
        return await self._share.refresh(self.partitions, working, ending)

    async def _read_partitions(self) -> int:
        """The number of partitions in the latest epoch: the store's, or a newer one from the stream, which is stored
        for the other processes.
        """
        record = await self._store.get(PARTITIONS_TOPIC)
        stored = record.sequence if record else ("", 1)
        if self._reported > stored:
            epoch, partitions = self._reported
            if stored[0] or partitions > 1:
                data = {"partitions": partitions}
                await self._store.put(PARTITIONS_TOPIC, data, feed="ledger", sequence=(epoch, partitions))
            return partitions
        return stored[1]
