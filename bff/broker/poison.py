"""Finds poison events: those that may have killed the consumers that took them. Pure.

Public: `batch_size`, `DeathRecord`.
A consumer that dies had a whole batch in its hands, and only one event of it is to blame. So what two consumers have
died over is handed out one by one, until the one to blame stands alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

ALONE_FROM = 2


def batch_size(deaths: Sequence[int]) -> int:
    """How many of the next events may be handed out in one batch; `deaths` is how many consumers died with each."""
    for number, died in enumerate(deaths):
        if died >= ALONE_FROM:
            return max(number, 1)
    return len(deaths)


@dataclass(frozen=True, slots=True)
class DeathRecord:
    """Metadata of a committed offset: `tries` consumers took the event at offset `at` and died, holding the events up
    to the offset `until`. The default is no death.
    """

    tries: int = 0
    at: int = -1
    until: int = -1

    @classmethod
    def read(cls, text: str | None) -> Self:
        """Parses what `str` wrote; any other text counts as no deaths."""
        try:
            tries, at, until = (int(word) for word in (text or "").split())
        except ValueError:
            return cls()
        return cls(tries, at, until)

    def __str__(self) -> str:
        return f"{self.tries} {self.at} {self.until}" if self.tries > 0 else ""

    def attempts(self, offset: int) -> int:
        """How many consumers have taken the event at `offset`, with the one that takes it at this moment."""
        if offset > self.until:
            return 1
        return (self.tries if offset == self.at else min(self.tries, ALONE_FROM)) + 1

    def is_suspect(self, offset: int) -> bool:
        """Whether this one must be handed out alone."""
        return offset <= self.until and self.tries >= ALONE_FROM

    def taking(self, first: int, last: int) -> Self:
        """The record to write while the events from `first` to `last` are handed out."""
        return type(self)(self.attempts(first), first, max(self.until, last))

    def after(self, offset: int) -> Self:
        """What is left of it when everything before `offset` is done."""
        return self if offset <= self.until else type(self)()
