"""The route of every view, and who may read it.

Public: `Route`, `Views`, `views_of`.
A view that belongs to a player names the scopes of which one is enough. What a fragment may read is decided here alone,
before the view is looked at, so that a refusal says nothing about what there is.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bff.contracts import codes
from bff.contracts.games import SCOPE_GAMES
from bff.contracts.paths import (
    GAMES_VIEW,
    HISTORY_VIEW,
    LIMITS_VIEW,
    PROMOTIONS_VIEW,
    RECEIPTS_VIEW,
    TABLES_VIEW,
    VIEWS_PREFIX,
    WALLET_VIEW,
)
from bff.contracts.player_context import PlayerContext
from bff.contracts.promotions import SCOPE_PROMOTIONS
from bff.contracts.view import View
from bff.contracts.wallet import SCOPE_READ
from bff.queries.policy import QueriesPolicy
from bff.queries.refusal import ViewRefused
from bff.queries.view_request import ViewRequest
from bff.queries.views.games import GamesView
from bff.queries.views.history import history_view
from bff.queries.views.limits import limits_view
from bff.queries.views.promotions import promotions_view
from bff.queries.views.tables import table_view, tables_view
from bff.queries.views.wallet import receipt_view, wallet_view
from bff.store import Store

ViewFunction = Callable[[ViewRequest], Awaitable[View[Any]]]

_WALLET = frozenset({SCOPE_READ})
_PROMOTIONS = frozenset({SCOPE_PROMOTIONS})
_GAMES = frozenset({SCOPE_GAMES})


@dataclass(frozen=True, slots=True)
class Route:
    """One view. `path` is below `/views/`; `named` when its last part is the name of what is read.

    `scopes`: a player's bearer needs one of them; empty where a bearer changes nothing. `anonymous`: whether there is
    something to see without a player.
    """

    name: str
    path: str
    read: ViewFunction
    scopes: frozenset[str] = frozenset()
    anonymous: bool = False
    named: bool = False

    def admit(self, player: PlayerContext | None) -> None:
        """Nothing, or why `player` (None: no bearer) may not read this view as `ViewRefused`."""
        if player is None or not player.player:
            if not self.anonymous:
                raise ViewRefused(
                    401, "context_missing", "This view belongs to a player; send their context as a bearer."
                )
        elif self.scopes and not self.scopes & player.scopes:
            needed = " or ".join(sorted(self.scopes))
            raise ViewRefused(403, codes.SCOPE_MISSING, f"The player context does not carry the scope {needed}.")


class Views:
    """The table, looked up by path."""

    def __init__(self, routes: list[Route]) -> None:
        self.routes = tuple(routes)
        self._exact = {VIEWS_PREFIX + route.path: route for route in routes if not route.named}
        self._named = {VIEWS_PREFIX + route.path: route for route in routes if route.named}

    def find(self, path: str) -> tuple[Route, str] | None:
        """The route of `path` and the name in it, None where there is no such view."""
        path = path.rstrip("/")
        if exact := self._exact.get(path):
            return exact, ""
        head, slash, last = path.rpartition("/")
        named = self._named.get(head + slash)
        return (named, last) if named and last else None


def views_of(store: Store, policy: QueriesPolicy) -> Views:
    """All views of `store`."""
    return Views(
        [
            Route("tables", TABLES_VIEW, lambda request: tables_view(store, request), anonymous=True),
            Route(
                "table",
                TABLES_VIEW + "/",
                lambda request: table_view(store, request),
                anonymous=True,
                named=True,
            ),
            Route(
                "promotions",
                PROMOTIONS_VIEW,
                lambda request: promotions_view(store, request),
                _PROMOTIONS,
                anonymous=True,
            ),
            Route("games", GAMES_VIEW, GamesView(store, policy).read, _GAMES, anonymous=True),
            Route("wallet", WALLET_VIEW, lambda request: wallet_view(store, request, policy), _WALLET),
            Route("history", HISTORY_VIEW, lambda request: history_view(store, request, policy), _WALLET),
            Route("limits", LIMITS_VIEW, lambda request: limits_view(store, request, policy), _WALLET),
            # A fragment of promotions or of games reads what became of its commands; all others are kept from it.
            Route(
                "receipt",
                RECEIPTS_VIEW + "/",
                lambda request: receipt_view(store, request, policy),
                _WALLET | _PROMOTIONS | _GAMES,
                named=True,
            ),
        ]
    )
