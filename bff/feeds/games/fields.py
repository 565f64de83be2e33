"""One game of a provider, out of its words.

Public: `Words`, `read_game`, `Rows`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from bff.contracts.games import GameCategory, GameState, Volatility, is_game_code
from bff.feeds.games.source import Batch
from bff.feeds.health import FeedHealth
from bff.feeds.policy import GamesPolicy
from bff.feeds.reading import BadMessage, text_of

_THUMBNAIL = re.compile(r"/[A-Za-z0-9_./-]{1,200}")
RTP_MIN, RTP_MAX = 50.0, 100.0


@dataclass(frozen=True, slots=True)
class Words:
    """A provider's words for what everybody has."""

    categories: Mapping[str, GameCategory]
    volatilities: Mapping[str, Volatility]


def read_game(
    words: Words,
    policy: GamesPolicy,
    *,
    code: Any,
    name: Any,
    category: Any,
    rtp: float | None,
    volatility: Any,
    released_at: datetime | None,
    playable: bool,
    now: datetime,
    thumbnail: Any = None,
) -> GameState:
    """The game; `BadMessage` names the field that is wrong. Volatility, RTP, picture and release may be missing."""
    if rtp is not None and not RTP_MIN <= rtp <= RTP_MAX:
        raise BadMessage(f"rtp is not from {RTP_MIN:.0f} to {RTP_MAX:.0f} percent")
    if released_at is not None and released_at > now + timedelta(days=policy.ahead_days_max):
        raise BadMessage("released is further away than any game is announced")
    return GameState(
        code=code_of(code),
        name=text_of(name, "name", chars_max=policy.name_chars_max),
        category=_word(words.categories, category, "category"),
        rtp=rtp if rtp is None else round(rtp, 2),
        volatility=None if volatility in (None, "") else _word(words.volatilities, volatility, "volatility"),
        thumbnail=thumbnail if isinstance(thumbnail, str) and _THUMBNAIL.fullmatch(thumbnail) else None,
        released_at=released_at,
        playable=playable,
    )


def code_of(value: Any) -> str:
    """A provider's name for a game: letters, digits, `_` and `-`, so that it can stand behind the provider's own."""
    code = text_of(value, "code", chars_max=64)
    if not is_game_code(code):
        raise BadMessage("code is no code")
    return code


def _word(words: Mapping[str, Any], value: Any, field: str) -> Any:
    found = words.get(str(value).strip().lower())
    if found is None:
        raise BadMessage(f"{field} is none that is known")
    return found


class Rows:
    """A list row by row: what can be read, what is spoilt, and nothing twice."""

    def __init__(self, read: Callable[[Any, datetime], GameState], code_field: str, health: FeedHealth) -> None:
        self._read = read
        self._code_field = code_field
        self._health = health
        self._now = datetime.now(UTC)
        self._games: dict[str, GameState] = {}
        self._spoilt: set[str] = set()

    def add(self, row: Any) -> None:
        """One that is spoilt, or has a code that was there already, is counted and left out."""
        try:
            game = self._read(row, self._now)
            if game.code in self._games:
                raise BadMessage("code stands there twice")
        except BadMessage as bad:
            self._health.bad(msgspec.json.encode(row), str(bad))
            self._note_spoilt(row)
            return
        self._games[game.code] = game

    def batch(self) -> Batch:
        return Batch(self._games, frozenset(self._spoilt - self._games.keys()))

    def _note_spoilt(self, row: Any) -> None:
        try:
            self._spoilt.add(code_of(row[self._code_field]))
        except (BadMessage, KeyError, TypeError):
            return
