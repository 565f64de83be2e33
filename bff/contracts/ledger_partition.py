"""Maps an event to its partition of the ledger's stream.

Public: `partition_of`, `partition_key`, `players_by_partition`, `PARTITIONS_MAX`, `aggregate_of_partition`,
`aggregate_of_player`.

All events of one player go to one partition, so they stay in order. The hash is CRC-32 of the aggregate, which is also
what librdkafka's `consistent` partitioner computes from the key. Another number of partitions moves players, so the
ledger begins an epoch with it.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

PARTITIONS_MAX = 256
_PLAYER, _LEDGER = "player:", "ledger:"


def partition_of(aggregate: str, partitions: int) -> int:
    """The partition of `aggregate` among `partitions`, from 0; what is about no player and no partition goes to 0."""
    return partition_key(aggregate) % partitions


def partition_key(aggregate: str) -> int:
    """What is left of this, divided by the number of partitions, is the partition of `aggregate`: 32 bits, unsigned."""
    if aggregate.startswith(_PLAYER):
        return zlib.crc32(aggregate.encode())
    if aggregate.startswith(_LEDGER):
        return int(aggregate.removeprefix(_LEDGER))
    return 0


def aggregate_of_partition(partition: int) -> str:
    """The aggregate of the ledger's own events in one partition: `ledger` in the first, `ledger:2` in the third."""
    return f"{_LEDGER}{partition}" if partition else "ledger"


def aggregate_of_player(player: str) -> str:
    """The aggregate of what happens to a player."""
    return f"{_PLAYER}{player}"


def players_by_partition(players: Iterable[tuple[str, T]], partitions: int) -> dict[int, list[T]]:
    """What belongs to each player (`id`, anything), by the player's partition, in the order of partitions."""
    found: dict[int, list[T]] = defaultdict(list)
    for player, value in players:
        found[partition_of(aggregate_of_player(player), partitions)].append(value)
    return dict(sorted(found.items()))
