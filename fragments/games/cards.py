"""Games of one answer as cards, and what can be done with one. Pure: no request, no clock, no I/O.

Public: `GameCard`, `Cards`, `act_of`.
"""

from dataclasses import dataclass
from itertools import count
from typing import Literal

from bff.contracts.games import Game, GamesData, GamesProvider
from fragments.games.art import Art, art_of
from fragments.games.page_request import PageRequest
from fragments.kit.formats import Formats
from fragments.kit.on_break import OnBreak


@dataclass(frozen=True, slots=True)
class GameCard:
    """One game. `rtp` is its return to player, empty where unknown; `badge` one word or none.

    `act` is `play`, `paused` (not at this moment), `closed` (by its provider), `break`, or `visitor`.
    """

    game_id: str
    name: str
    provider: str
    rtp: str
    art: Art
    badge: str
    act: Literal["play", "paused", "closed", "break", "visitor"]
    favourite: bool
    key: str


def act_of(
    page_request: PageRequest, paused: bool, standing: OnBreak | None
) -> Literal["play", "paused", "break", "visitor"]:
    """What can be done with a game of an answer that is open: nothing while `paused`, or on a break."""
    if page_request.sign_in:
        return "visitor"
    if standing is not None:
        return "break"
    return "paused" if paused else "play"


class Cards:
    """Games of one answer as cards."""

    def __init__(self, data: GamesData, formats: Formats, page_request: PageRequest, act: str) -> None:
        self._providers: dict[str, GamesProvider] = {one.provider_id: one for one in data.providers}
        self._formats, self._page_request, self._act = formats, page_request, act
        self._numbers = count()

    def of(self, games: list[Game]) -> list[GameCard]:
        return [self._card(game) for game in games]

    def _card(self, game: Game) -> GameCard:
        provider = self._providers.get(game.provider)
        marked, keys = self._page_request.marked, self._page_request.keys
        return GameCard(
            game_id=game.game_id,
            name=game.name,
            provider=provider.name if provider else game.provider,
            rtp="" if game.rtp is None else f"{game.rtp:g} %",
            art=art_of(game.name),
            badge="Closed" if not game.playable else "New" if game.is_new else "",
            act="closed" if self._act == "play" and not game.playable else self._act,  # type: ignore[arg-type]
            favourite=marked[1] if marked and marked[0] == game.game_id else game.favourite,
            key=f"{keys}-{next(self._numbers)}" if keys else "",
        )
