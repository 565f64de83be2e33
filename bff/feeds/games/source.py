"""The interface between a provider's protocol and the feed.

Public: `Batch`, `Source`, `Intake`, `SourceFailed`, `Held`.
"""

from dataclasses import dataclass, field
from typing import Protocol

from bff.contracts.games import GameState
from bff.resilience.reason import Reason


@dataclass(frozen=True, slots=True)
class Batch:
    """A whole list: the games that could be read by code, and the codes of those that are there and could not."""

    games: dict[str, GameState]
    spoilt: frozenset[str] = field(default=frozenset())


class SourceFailed(Exception):
    """There is no usable answer. `retry_after_s` is what the provider asked for, None where it did not."""

    def __init__(self, reason: Reason, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_after_s = retry_after_s


class Held(Exception):
    """A batch of the provider's is not believed; the text is a sentence for operators and players."""


class Intake(Protocol):
    """Where a source puts what it has read. Each raises `Held` where that is not believed; nothing has changed then."""

    def take_all(self, batch: Batch) -> None: ...

    def take_one(self, game: GameState) -> None: ...

    def remove(self, code: str) -> None: ...

    def alive(self) -> None:
        """The provider answered, and the stored games are current."""


class Source(Protocol):
    """One provider's protocol. `poll_s` is the wait after a `read` that went well."""

    poll_s: float

    async def read(self, intake: Intake) -> None:
        """One answer, or one connection to its end. Raises `SourceFailed` and `Held`."""

    async def aclose(self) -> None: ...
