"""Which partition the running request belongs to, and what each partition has of its own.

Public: `current`, `within`, `PerPartition`, `PARTITIONS_MAX`.

Like OpenTelemetry's baggage it is part of the context: tasks and threads that a request starts belong to its partition,
and whoever calls another house hands it on without having to think of it. `Guard` keeps everything that it learns and
holds apart by it; what else remembers answers asks `current()`.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

from bff.contracts.partition import Partition

T = TypeVar("T")

PARTITIONS_MAX = 8
"""So many have something of their own. Only who has the key makes marks, so it is a bound on memory and no quota."""

_partition: ContextVar[Partition | None] = ContextVar("partition", default=None)

current: Callable[[], Partition | None] = _partition.get


@contextmanager
def within(partition: Partition) -> Iterator[None]:
    """What is done and started in here belongs to `partition`."""
    token = _partition.set(partition)
    try:
        yield
    finally:
        _partition.reset(token)


class PerPartition(Generic[T]):
    """One thing for each of at most `PARTITIONS_MAX` partitions, made by `make` when first asked for.

    The least recently used makes room and is handed to `drop`: whoever it belonged to begins anew.
    """

    def __init__(self, make: Callable[[Partition], T], drop: Callable[[T], None] = lambda dropped: None) -> None:
        self._make = make
        self._drop = drop
        self._own: OrderedDict[str, T] = OrderedDict()

    def of(self, partition: Partition) -> T:
        """That of `partition`."""
        own = self._own.get(partition.value)
        if own is None:
            own = self._own[partition.value] = self._make(partition)
            if len(self._own) > PARTITIONS_MAX:
                self._drop(self._own.popitem(last=False)[1])
        self._own.move_to_end(partition.value)
        return own

    def apart(self) -> list[T]:
        """All that there are."""
        return list(self._own.values())
