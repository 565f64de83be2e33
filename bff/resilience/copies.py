"""What is kept in this process: the least lately used goes first when it grows too much.

Public: `Key`, `Fetched`, `Copy`, `Copies`.
"""

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from bff.resilience.cache_control import Lifetime
from bff.resilience.message import Headers
from bff.resilience.policy import KeepPolicy

T = TypeVar("T")


class Key(msgspec.Struct, frozen=True):
    """Whose copy of what. Made by `for_everybody` (`player` is None) or `for_player`, so that it is always said."""

    player: str | None
    parts: tuple[str, ...]

    @classmethod
    def for_everybody(cls, *parts: str) -> "Key":
        """A copy that holds nothing of any player."""
        return cls(None, parts)

    @classmethod
    def for_player(cls, player: str, *parts: str) -> "Key":
        """A copy that only `player` may ever see; an empty name is a `ValueError`."""
        if not player:
            raise ValueError("a player's copy needs the player")
        return cls(player, parts)

    def digest(self) -> str:
        """This key where others may read it: it names no player."""
        return hashlib.sha256(json.dumps([self.player, *self.parts]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """A good value, what it weighs, and the headers that say how long it may be used. `keep` False: never kept."""

    value: T
    size_bytes: int
    headers: Headers
    keep: bool = True


@dataclass(frozen=True, slots=True)
class Copy(Generic[T]):
    """A kept value. `stored_at` is on the monotonic clock, so that no clock that is set can change its age."""

    value: T
    size_bytes: int
    stored_at: float
    lifetime: Lifetime

    def age_s(self, now: float) -> float:
        """Seconds since it was received."""
        return now - self.stored_at


class Copies(Generic[T]):
    """At most `entries_max` copies that weigh at most `bytes_max` together."""

    def __init__(self, policy: KeepPolicy) -> None:
        self.bytes_held = 0
        self._policy = policy
        self._copies: OrderedDict[Key, Copy[T]] = OrderedDict()

    def look(self, key: Key, now: float) -> Copy[T] | None:
        """The copy under `key`, unless it is too old for any use."""
        copy = self._copies.get(key)
        if copy is None:
            return None
        if copy.age_s(now) >= copy.lifetime.kept_s:
            self.drop(key)
            return None
        self._copies.move_to_end(key)
        return copy

    def put(self, key: Key, copy: Copy[T]) -> None:
        """Keep `copy` in place of any other under `key`, at the cost of what was used least lately."""
        self.drop(key)
        if copy.size_bytes > self._policy.bytes_max:
            return
        self._copies[key] = copy
        self.bytes_held += copy.size_bytes
        while self.bytes_held > self._policy.bytes_max or len(self._copies) > self._policy.entries_max:
            self.drop(next(iter(self._copies)))

    def drop(self, key: Key) -> None:
        """Forget the copy under `key`, if there is one."""
        copy = self._copies.pop(key, None)
        if copy is not None:
            self.bytes_held -= copy.size_bytes
