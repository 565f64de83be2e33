"""The partitions of the ledger that this projector holds by leases in the query store.

Public: `Share`, `Change`.

Every projector counts how many there are and holds at most its part, rounded up. Whoever holds more gives up the rest;
whoever holds less takes what is free. So one that joins gets work within two rounds, and what a dead one held is taken
once its lease is over. Nothing false can come of two that hold the same one for a moment: what is applied twice is no
news, and a checkpoint is moved by one of them.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from bff.store import LeaseState, Store

PARTITIONS_TOPIC = "projection.partitions"
_GROUP = "projector"


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be begun and what is to be ended."""

    begin: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)


class Share:
    """`member` is this process's name. `partitions` is how many there are: one, until the ledger's heartbeats say more.

    Every method raises `StoreUnavailable`.
    """

    def __init__(self, store: Store, member: str, lease_ms: int) -> None:
        self._store, self._member, self._lease_ms = store, member, lease_ms
        self._reported = ("", 1)
        self.partitions = 1

    def __repr__(self) -> str:
        return f"<Share {self._member} of {self.partitions}>"

    def report(self, epoch: str, partitions: int) -> None:
        """The ledger has so many partitions in `epoch`; an earlier epoch is no news. Does no I/O."""
        self._reported = max(self._reported, (epoch, partitions))

    async def refresh(self, working: Collection[int], ending: Collection[int]) -> Change:
        """Renew what is held, and say what to begin and to end. What is `ending` is left alone until it is released."""
        self.partitions = await self._read_partitions()
        members = await self._store.join(_GROUP, self._member, ttl_ms=self._lease_ms)
        most = -(-self.partitions // members)
        stays, change = 0, Change()
        for place in sorted(working):
            if place < self.partitions and stays < most and await self._take(place):
                stays += 1
            else:
                change.end.append(place)
        for place in range(self.partitions):
            if stays < most and place not in working and place not in ending and await self._take(place):
                change.begin.append(place)
                stays += 1
        return change

    async def release(self, partition: int) -> None:
        """Let another one have it at once."""
        await self._store.release(_lease_of(partition), self._member)

    async def leave(self) -> None:
        """This process takes no part any more."""
        await self._store.leave(_GROUP, self._member)

    async def _take(self, partition: int) -> bool:
        state = await self._store.lease(_lease_of(partition), self._member, ttl_ms=self._lease_ms)
        return state is not LeaseState.HELD_ELSEWHERE

    async def _read_partitions(self) -> int:
        """What the latest epoch says: the store's word, or what was heard since, which is put down for the others."""
        record = await self._store.get(PARTITIONS_TOPIC)
        stored = record.sequence if record else ("", 1)
        if self._reported > stored:
            epoch, partitions = self._reported
            if stored[0] or partitions > 1:
                data = {"partitions": partitions}
                await self._store.put(PARTITIONS_TOPIC, data, feed="ledger", sequence=(epoch, partitions))
            return partitions
        return stored[1]


def _lease_of(partition: int) -> str:
    return f"{_GROUP}.{partition}"
