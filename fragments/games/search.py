"""The catalogue's search as parsed from a page's query, and links with another search.

Public: `Search`, `search_from`, `CATALOGUE_SLOT`, `FIELDS`, `CATEGORIES`, `SORTS`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args
from urllib.parse import urlencode

from bff.contracts.games import SEARCH_CHARS_MAX, GameCategory, GamesSort, PlayerCategory

# The slot of the catalogue's own page: a link or a form of the lobby speaks to it by that name.
CATALOGUE_SLOT = "catalogue"
FIELDS = ("search", "provider", "category", "sort", "page")
CATEGORIES: Mapping[GameCategory | PlayerCategory, str] = {
    "favourites": "Favourites",
    "recent": "Recently played",
    "slots": "Slots",
    "jackpots": "Jackpots",
    "table-games": "Table games",
    "video-poker": "Video poker",
    "instant-win": "Instant win",
    "crash": "Crash",
    "bingo": "Bingo",
}
SORTS: Mapping[GamesSort, str] = {"best": "Best match", "name": "Name", "new": "Newest", "rtp": "Return to player"}
OF_PLAYER = frozenset(get_args(PlayerCategory))
_PROVIDER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_PAGE = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Search:
    """A search; fields are empty where the query has none."""

    search: str = ""
    provider: str = ""
    category: str = ""
    sort: str = ""
    page: int = 1

    @property
    def narrows(self) -> bool:
        """Whether some games are left out."""
        return bool(self.search or self.provider or self.category)

    @property
    def fields(self) -> dict[str, str]:
        """The same as a query, without what goes without saying."""
        page = str(self.page) if self.page > 1 else ""
        given = dict(zip(FIELDS, (self.search, self.provider, self.category, self.sort, page), strict=True))
        return {name: value for name, value in given.items() if value}

    def link(self, pathname: str) -> str:
        """The catalogue's page at `pathname` that asks for this."""
        query = urlencode({f"{CATALOGUE_SLOT}.{name}": value for name, value in self.fields.items()})
        return f"{pathname}?{query}" if query else pathname


def search_from(query: Mapping[str, str]) -> Search:
    """The search in `query`. Unknown or hostile values are ignored."""
    search, provider, category, sort, page = (query.get(name, "") for name in FIELDS)
    return Search(
        " ".join(search.split())[:SEARCH_CHARS_MAX],
        provider if _PROVIDER.fullmatch(provider) else "",
        category if category in CATEGORIES else "",
        sort if sort in SORTS and sort != "best" else "",
        int(page) if _PAGE.fullmatch(page) else 1,
    )
