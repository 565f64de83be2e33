"""Which partitions of the ledger's stream a relay sends, and how rows of the outbox are selected by them.

Public: `Places`.
"""

from dataclasses import dataclass

from bff.contracts.ledger_partition import partition_of


@dataclass(frozen=True, slots=True)
class Places:
    """`held`, in order, of the `count` partitions that there are."""

    held: tuple[int, ...]
    count: int

    @classmethod
    def of(cls, held: frozenset[int], count: int) -> "Places":
        """Those of `held` that there are."""
        return cls(tuple(sorted(place for place in held if place < count)), count)

    def __bool__(self) -> bool:
        return bool(self.held)

    def has_player(self, player: str) -> bool:
        """Whether what happens to this player goes to one of them."""
        return partition_of(f"player:{player}", self.count) in self.held

    @property
    def condition(self) -> str:
        """Of a row of the outbox that has its key, for a statement with parameters: that it goes to one of them."""
        if len(self.held) == self.count:
            return ""
        return f" AND partition_key %% {self.count} IN ({', '.join(map(str, self.held))})"
