"""The games of one provider, what may become of them at once, and what is still to be written.

Public: `Catalogue`, `PARTS`, `part_of`.
Pure: time is passed in, in seconds of a monotonic clock.
"""

import hashlib
import zlib
from collections.abc import Iterable, Set

import msgspec

from bff.contracts.games import GameState, ProviderCatalogue
from bff.feeds.games.source import Batch, Held
from bff.feeds.policy import GamesPolicy

# Of few dozen games each, so that a change rewrites little and a reader fetches little.
PARTS = 32
_encoder = msgspec.json.Encoder()


def part_of(code: str) -> int:
    """In which part of its provider's record a game stands, for ever."""
    return zlib.crc32(code.encode()) % PARTS


class Catalogue:
    """`held` is a sentence while a batch of the provider's is not believed.

    Of the games that were there at the beginning of a while (`shrink_window_s`) no more than a share may be gone at its
    end. Where more would be, nothing is changed, unless the provider stands by it for `held_s_max`.
    """

    def __init__(self, provider_id: str, name: str, policy: GamesPolicy) -> None:
        self.provider_id = provider_id
        self.name = name
        self.held = ""
        self.dirty: set[int] = set()
        self.head_due = False
        self._policy = policy
        self._games: list[dict[str, GameState]] = [{} for _ in range(PARTS)]
        self._digests = [_digest([])] * PARTS
        self._before: Set[str] = frozenset()
        self._before_at = float("-inf")
        self._held_at: float | None = None

    def __len__(self) -> int:
        return sum(map(len, self._games))

    def __repr__(self) -> str:
        return f"<Catalogue {self.provider_id} {len(self)}{' held' if self.held else ''}>"

    def get(self, code: str) -> GameState | None:
        return self._games[part_of(code)].get(code)

    def games(self, part: int) -> list[GameState]:
        """The games of one part, by code."""
        return [self._games[part][code] for code in sorted(self._games[part])]

    def head(self) -> ProviderCatalogue:
        return ProviderCatalogue(self.provider_id, self.name, len(self), list(self._digests), self.held)

    def seed(self, games: Iterable[GameState], now: float) -> None:
        """What a predecessor wrote; it is held against what the provider says next."""
        for game in games:
            self._games[part_of(game.code)][game.code] = game
        for part in range(PARTS):
            self._digests[part] = _digest(self.games(part))
        self._before, self._before_at = self._codes(), now

    def touch_all(self) -> None:
        """Everything is to be written again."""
        self.dirty, self.head_due = set(range(PARTS)), True

    def take_all(self, batch: Batch, now: float) -> None:
        """These are the provider's games; one that is spoilt stays as it was. Raises `Held`."""
        if len(batch.games) > self._policy.games_max:
            self._hold(f"sent {len(batch.games)} games, more than the {self._policy.games_max} that are read", now)
        as_before = {code: game for code in batch.spoilt if (game := self.get(code)) is not None}
        after = as_before | batch.games
        self._check_gone(after.keys(), now)
        self._believe()
        self._put([after[code] for code in after if self.get(code) != after[code]])
        self._drop(self._codes() - after.keys())

    def take_one(self, game: GameState, now: float) -> None:
        """One game came or changed. Raises `Held`."""
        before = self.get(game.code)
        if before is None and len(self) >= self._policy.games_max:
            self._hold(f"sent more than the {self._policy.games_max} games that are read", now)
        if before != game:
            self._put([game])

    def remove(self, code: str, now: float) -> None:
        """One game went. Raises `Held`."""
        if self.get(code) is not None:
            self._check_gone(self._codes() - {code}, now)
            self._drop({code})

    def _codes(self) -> frozenset[str]:
        return frozenset().union(*self._games)

    def _check_gone(self, after: Set[str], now: float) -> None:
        over = now - self._before_at >= self._policy.shrink_window_s
        if self._held_at is None and (over or not self._before):
            self._before, self._before_at = self._codes(), now
        gone = len(self._before - after)
        if gone <= self._policy.shrink_share_max * len(self._before):
            return
        if self._held_at is not None and now - self._held_at >= self._policy.held_s_max:
            self._before, self._before_at = frozenset(after), now
            return
        self._hold(f"took {gone} of {len(self._before)} games away at once", now)

    def _hold(self, what: str, now: float) -> None:
        self._held_at = now if self._held_at is None else self._held_at
        held = f"{self.name} {what}. That is not believed, and the games before it are shown."
        self.head_due = self.head_due or held != self.held
        self.held = held
        raise Held(held)

    def _believe(self) -> None:
        self.head_due = self.head_due or bool(self.held)
        self.held, self._held_at = "", None

    def _put(self, games: Iterable[GameState]) -> None:
        for game in games:
            self._games[part_of(game.code)][game.code] = game
            self._changed(part_of(game.code))

    def _drop(self, codes: Iterable[str]) -> None:
        for code in codes:
            del self._games[part_of(code)][code]
            self._changed(part_of(code))

    def _changed(self, part: int) -> None:
        self.dirty.add(part)
        self._digests[part] = ""
        self.head_due = True

    def seal(self) -> None:
        """Digests of what has changed, before a head is written."""
        for part in range(PARTS):
            if not self._digests[part]:
                self._digests[part] = _digest(self.games(part))


def _digest(games: list[GameState]) -> str:
    return hashlib.sha256(_encoder.encode(games)).hexdigest()[:12]
