"""The catalogue of games as the BFF shows it, and a player's commands on it.

Public: `GameCategory`, `PlayerCategory`, `GamesSort`, `Volatility`, `Game`, `GamesProvider`, `CategoryCount`,
`GamesQuery`, `GamesData`, `SetFavourite`, `LaunchGame`, `GameState`, `ProviderCatalogue`, `PlayerGames`,
`GAMES_PAGE`, `GAMES_PROVIDERS`, `SCOPE_GAMES`, `SCOPE_GAMES_WRITE`, `catalogue_topic`, `games_part_topic`,
`player_games_topic`, `games_feed`,
`is_game_code`, `is_game_id`.
Answered at `GET /views/games?search=&provider=&category=&sort=&page=&limit=[&min_sequence=<epoch>:<n>]` as
`View[GamesData]`; with a player's bearer, which needs `SCOPE_GAMES`, `favourites` and `recent` are theirs. Commanded at
`POST /commands/set-favourite` and `POST /commands/launch-game` with `SCOPE_GAMES_WRITE` and an `Idempotency-Key`; both
answer a `Receipt` of `bff.contracts.wallet`, whose `sequence` is the `min_sequence` that shows it, or a problem.
"""

import re
from datetime import datetime
from typing import Literal

import msgspec

from bff.contracts.view import FreshnessState

GameCategory = Literal["slots", "jackpots", "table-games", "video-poker", "instant-win", "crash", "bingo"]
# Categories that are the asking player's own; for a visitor both are empty.
PlayerCategory = Literal["favourites", "recent"]
# `best`: by how well a game answers the search; without one, new games first and then by name.
GamesSort = Literal["best", "name", "new", "rtp"]
Volatility = Literal["low", "medium", "high"]

# Ids of the providers that there are.
GAMES_PROVIDERS = ("lantern", "tidewheel", "oakmill")
GAMES_PAGE = 24
RECENT_MAX = 12
FAVOURITES_MAX = 500
SEARCH_CHARS_MAX = 64
SCOPE_GAMES = "games.read"
SCOPE_GAMES_WRITE = "games.write"


_CODE = "[A-Za-z0-9_-]{1,64}"
_GAME_CODE = re.compile(_CODE)
_GAME_ID = re.compile(f"[a-z0-9-]{{1,32}}:{_CODE}")


def is_game_code(text: str) -> bool:
    """Whether a game may have this code at its provider: one that can stand behind the provider's id."""
    return _GAME_CODE.fullmatch(text) is not None


def is_game_id(text: str) -> bool:
    """Whether a game may have this id: its provider's, a colon and its code, such as `lantern:lw_00001`."""
    return _GAME_ID.fullmatch(text) is not None


def games_feed(provider: str) -> str:
    """The feed of one provider, which has a freshness of its own."""
    return f"games-{provider}"


def catalogue_topic(provider: str) -> str:
    """Where the query store holds what there is of one provider, as `ProviderCatalogue`."""
    return f"games.{provider}"


def games_part_topic(provider: str, part: int) -> str:
    """Where the query store holds one part of a provider's games, as a list of `GameState`."""
    return f"games.{provider}.{part}"


def player_games_topic(player: str) -> str:
    """The topic of one player's favourites and recently played; only that player's sockets may follow it."""
    return f"player-games.{player}"


class Game(msgspec.Struct, frozen=True):
    """One game. `game_id` is `provider:code`; `rtp` (percent, such as 96.5) and `volatility` as the provider says.

    `thumbnail` is a path at the provider's media origin, None where there is no picture. A game that is not `playable`
    is listed and can not be launched: its provider has closed it for the moment.
    """

    game_id: str
    name: str
    provider: str
    category: GameCategory
    rtp: float | None = None
    volatility: Volatility | None = None
    thumbnail: str | None = None
    is_new: bool = False
    playable: bool = True
    favourite: bool = False


class GamesProvider(msgspec.Struct, frozen=True):
    """One provider and how far its games may be believed: a provider that is silent takes none away.

    `count` is how many of its games answer the query, whichever provider that names. `held` is a sentence when the
    provider sent a list that was not believed and the one before it is shown.
    """

    provider_id: str
    name: str
    count: int
    state: FreshnessState
    as_of: datetime | None = None
    held: str = ""


class CategoryCount(msgspec.Struct, frozen=True):
    """How many games of `category` answer the query, whichever category that names."""

    category: GameCategory | PlayerCategory
    count: int


class GamesQuery(msgspec.Struct, frozen=True):
    """The query as it was understood: `search` with its spaces put in order, empty fields where nothing was asked."""

    search: str = ""
    provider: str = ""
    category: GameCategory | PlayerCategory | Literal[""] = ""
    sort: GamesSort = "best"


class GamesData(msgspec.Struct, frozen=True):
    """One page of at most `GAMES_PAGE` games; `page` counts from 1 and is the last of `pages` where more was asked.

    The view's freshness is `live` while all providers are; `down` when all are, or nothing is known; otherwise `stale`,
    with the `as_of` of the one that was heard longest ago. `favourites` are ids, the latest first, and `recent` the
    games played last, at most `RECENT_MAX`; both empty for a visitor. A `limit` in the query (1 to `GAMES_PAGE`) is how
    many each of the three lists has at most, and what `pages` are counted in.
    """

    games: list[Game]
    total: int
    page: int
    pages: int
    query: GamesQuery
    providers: list[GamesProvider]
    categories: list[CategoryCount]
    favourites: list[str] = []
    recent: list[Game] = []


class SetFavourite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /commands/set-favourite`. Setting what is set already changes nothing and is `done`."""

    game_id: str
    favourite: bool


class LaunchGame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /commands/launch-game`: the game is the player's latest; refused while they are on a break."""

    game_id: str


class GameState(msgspec.Struct, frozen=True, omit_defaults=True):
    """One game as feeds keep it. `released_at` says for how long it is new."""

    code: str
    name: str
    category: GameCategory
    rtp: float | None = None
    volatility: Volatility | None = None
    thumbnail: str | None = None
    released_at: datetime | None = None
    playable: bool = True


class ProviderCatalogue(msgspec.Struct, frozen=True):
    """What there is of one provider: `parts` are the digests of its parts, so that a reader fetches what changed."""

    provider_id: str
    name: str
    count: int
    parts: list[str]
    held: str = ""


class PlayerGames(msgspec.Struct, frozen=True):
    """A player's games as the projector keeps them under `player_games_topic`: ids, the latest first in both."""

    favourites: list[str]
    recent: list[str]
