"""How processes of one kind share partitions out among themselves, by leases in the query store.

Public: `Share`, `Change`.

Every member counts how many there are and holds at most its part, rounded up. Whoever holds more gives up the rest;
whoever holds less takes what is free. So one that joins gets work within two rounds, and what a dead one held is taken
once its lease is over. Two may hold the same partition for a moment (one that was frozen, a store that was flushed), so
this is for work that may be done twice.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from bff.store.records import LeaseState
from bff.store.store import Store


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be begun and what is to be ended."""

    begin: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)


class Share:
    """`member` is this process's name among those of `group`. Every method raises `StoreUnavailable`."""

    def __init__(self, store: Store, group: str, member: str, lease_ms: int) -> None:
        self._store, self._group, self._member, self._lease_ms = store, group, member, lease_ms

    async def refresh(self, partitions: int, working: Collection[int], ending: Collection[int]) -> Change:
        """Renew what is held of so many partitions, and say what to begin and to end. What is `ending` is left alone
        until it is released."""
        members = await self._store.join(self._group, self._member, ttl_ms=self._lease_ms)
        most = -(-partitions // members)
        stays, change = 0, Change()
        for place in sorted(working):
            if place < partitions and stays < most and await self._take(place):
                stays += 1
            else:
                change.end.append(place)
        for place in range(partitions):
            if stays < most and place not in working and place not in ending and await self._take(place):
                change.begin.append(place)
                stays += 1
        return change

    async def release(self, partition: int) -> None:
        """Let another one have it at once."""
        await self._store.release(self._lease_of(partition), self._member)

    async def leave(self) -> None:
        """This process takes no part any more."""
        await self._store.leave(self._group, self._member)

    async def _take(self, partition: int) -> bool:
        state = await self._store.lease(self._lease_of(partition), self._member, ttl_ms=self._lease_ms)
        return state is not LeaseState.HELD_ELSEWHERE

    def _lease_of(self, partition: int) -> str:
        return f"{self._group}.{partition}"
