"""Which part of a feed a key belongs to, where the feed is made of several.

Public: `FeedParts`, `parts_of`, `part_name`.
"""

from collections.abc import Iterable, Mapping, Sequence

from bff.contracts.ledger_partition import partition_of


def part_name(feed: str, part: int) -> str:
    """The name under which part `part`, from 0, of `feed` is kept."""
    return f"{feed}.{part}"


def parts_of(counted: bytes | None, data: bytes | None) -> int:
    """Of how many parts a feed, or the feed that a part belongs to, was made when `data` was written; 1 where that is
    not known. `counted` is the number and the data that it was written with."""
    if counted is None or data is None:
        return 1
    count, _, of = counted.partition(b" ")
    return int(count) if of == data and count.isdigit() else 1


class FeedParts:
    """How many parts each feed had when it was read last."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<FeedParts {self._counts}>"

    def count(self, feed: str) -> int:
        """One where nothing else is known."""
        return self._counts.get(feed, 1)

    def names(self, feeds: Iterable[str], keys: Sequence[str]) -> dict[str, str]:
        """The parts of `keys`, by name, of each of `feeds` that has several: to the feed that each belongs to."""
        several = [(feed, count) for feed in feeds if (count := self.count(feed)) > 1]
        return {part_name(feed, partition_of(key, count)): feed for feed, count in several for key in keys}

    def every(self, feeds: Iterable[str]) -> dict[str, str]:
        """As `names`, every part of each of `feeds`."""
        several = [(feed, count) for feed in feeds if (count := self.count(feed)) > 1]
        return {part_name(feed, part): feed for feed, count in several for part in range(count)}

    def learn(self, counts: Mapping[str, int]) -> None:
        """Feeds have so many parts."""
        self._counts.update(counts)
