"""The guards of the partitions of one upstream.

Public: `PartitionGuards`.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from bff.contracts.partition import Partition
from bff.resilience.partition import PerPartition


class _Guard(Protocol):
    def force_open(self, why: str = "") -> None: ...

    def unforce(self) -> None: ...

    async def aclose(self) -> None: ...


G = TypeVar("G", bound=_Guard)


class PartitionGuards(Generic[G]):
    """Made by `make` when first asked for. One that makes room for another ends its calls by their own deadlines."""

    def __init__(self, make: Callable[[Partition], G]) -> None:
        self._guards: PerPartition[G] = PerPartition(make, self._end)
        self._ending: set[asyncio.Task[None]] = set()

    def of(self, partition: Partition) -> G:
        return self._guards.of(partition)

    def force_open(self, why: str) -> None:
        """What an operator holds is held for everybody."""
        for guard in self._guards.apart():
            guard.force_open(why)

    def unforce(self) -> None:
        for guard in self._guards.apart():
            guard.unforce()

    async def aclose(self) -> None:
        await asyncio.gather(*(guard.aclose() for guard in self._guards.apart()), *self._ending)

    def _end(self, guard: G) -> None:
        task = asyncio.create_task(guard.aclose())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
