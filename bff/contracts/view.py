"""The view that the BFF's read side answers with: data and its freshness.

Public: `FreshnessState`, `CommandsState`, `Sequence`, `Freshness`, `Break`, `View`, `SCOPE_STANDING`.
"""

from datetime import datetime
from typing import Generic, Literal, TypeVar

import msgspec

FreshnessState = Literal["live", "stale", "down"]
# Whether the engine takes commands: whatever a player may do with this data, it is done there.
CommandsState = Literal["open", "paused"]

# To learn of a player's break where nothing else of theirs may be read.
SCOPE_STANDING = "player.standing"

# (epoch, n): n only counts within its epoch. Another epoch means resync, never "older".
Sequence = tuple[str, int]

T = TypeVar("T")


class Freshness(msgspec.Struct, frozen=True):
    """`state` by the feed's policy; `as_of` (UTC) is when the data was last known true, None if never."""

    state: FreshnessState
    as_of: datetime | None = None
    sequence: Sequence | None = None


class Break(msgspec.Struct, frozen=True):
    """A player's break from gambling that goes on: `until` then (UTC), None where no day ends it."""

    until: datetime | None


class View(msgspec.Struct, Generic[T], frozen=True):
    """`data` is None only when the query store has never held any (freshness is then `down`).

    `pending` tells a reader who asked with `min_sequence` that the data is not that far yet. While `commands` are
    `paused` whoever shows the data offers nothing that would become a command; what does not say so is `open`.
    While the asking player is `on_break` nothing is offered that would be a deposit, a bet or a bonus.
    """

    data: T | None
    freshness: Freshness
    pending: bool = False
    commands: CommandsState = "open"
    on_break: Break | None = None
