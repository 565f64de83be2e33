"""Views of the catalogue of games, for tests of fragments.

Public: `games_data`, `games_receipt`, `GAMES`.
"""

from datetime import timedelta
from typing import Any

import msgspec

from bff.contracts.games import CategoryCount, Game, GamesData, GamesProvider, GamesQuery
from bff.contracts.view import FreshnessState
from bff.contracts.wallet import Receipt
from tests.support.fragments_fake_bff import AS_OF

_NAMES = ("Lantern Falls", "Copper Comet", "Seven Harbours", "Moonlit Orchard", "The Clockmaker", "Rocket Ridge")
_PROVIDERS = {"northgate": "Northgate Studios", "lumen": "Lumen Play", "cardinal": "Cardinal Games"}
GAMES = [
    Game(
        game_id=f"{list(_PROVIDERS)[number % 3]}:g{number}",
        name=name,
        provider=list(_PROVIDERS)[number % 3],
        category="crash" if name == "Rocket Ridge" else "slots",
        rtp=96.5,
        is_new=number == 0,
        playable=number != 3,
        favourite=number == 1,
    )
    for number, name in enumerate(_NAMES)
]


def games_data(late: dict[str, FreshnessState] | None = None, **changes: Any) -> GamesData:
    """The second of three pages of 62 games, with six of them; a player's favourite and last game. The providers in
    `late` were last read a minute ago."""
    providers = [
        GamesProvider(each, name, 20, (late or {}).get(each, "live"), AS_OF - timedelta(minutes=each in (late or {})))
        for each, name in _PROVIDERS.items()
    ]
    made = GamesData(
        games=GAMES,
        total=62,
        page=2,
        pages=3,
        query=GamesQuery(),
        providers=providers,
        categories=[
            CategoryCount("slots", 60),
            CategoryCount("crash", 2),
            CategoryCount("favourites", 1),
            CategoryCount("recent", 1),
        ],
        favourites=[GAMES[1].game_id],
        recent=[GAMES[4]],
    )
    return msgspec.structs.replace(made, **changes)


def games_receipt(state: Any = "done", *, reason: str = "") -> Receipt:
    """The engine's answer to a favourite or a launch."""
    return Receipt("rc_game01", "set-favourite", state, 0, "EUR", AS_OF, ("e1", 9), reason)
