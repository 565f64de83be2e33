"""The games that answer a query, with their numbers by provider and by category; as any player sees them.

Public: `Listing`, `Listings`, `is_new`.

Without a search there are few different listings, and each is the same for everybody until a game changes or stops
being new: these are made once. A listing of a search is made for its request.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bff.contracts.games import GamesQuery
from bff.queries.games.folding import fold
from bff.queries.games.index import Entry, GamesIndex


@dataclass(frozen=True, slots=True)
class Listing:
    """`answering` has the games of every provider and category, `entries` those of the query's; `providers` counts the
    games of its category, `categories` those of its provider. Players' own categories are no category here."""

    answering: Sequence[Entry]
    entries: Sequence[Entry]
    providers: Mapping[str, int]
    categories: Mapping[str, int]


class Listings:
    """Those of one index after the other."""

    def __init__(self) -> None:
        self._index = GamesIndex()
        self._new_count = 0
        self._made: dict[tuple[str, str, str], Listing] = {}

    def of(self, index: GamesIndex, query: GamesQuery, category: str, since: datetime) -> Listing:
        """`category` stands for the query's own, empty for all; games released from `since` on are new."""
        if query.search:
            return _listing(_found(index, query), query.provider, category)
        if index is not self._index or index.new_count(since) != self._new_count:
            self._index, self._new_count, self._made = index, index.new_count(since), {}
        key = (query.provider, category, query.sort)
        if key not in self._made:
            self._made[key] = _listing(_ordered(index, query.sort, since), *key[:2])
        return self._made[key]


def is_new(entry: Entry, since: datetime) -> bool:
    return entry.state.released_at is not None and entry.state.released_at >= since


def _listing(answering: Sequence[Entry], provider: str, category: str) -> Listing:
    of_provider = [entry for entry in answering if provider in ("", entry.provider)]
    of_category = [entry for entry in answering if category in ("", entry.state.category)]
    return Listing(
        answering,
        [entry for entry in of_category if provider in ("", entry.provider)],
        Counter(entry.provider for entry in of_category),
        Counter(entry.state.category for entry in of_provider),
    )


def _ordered(index: GamesIndex, sort: str, since: datetime) -> Sequence[Entry]:
    """Every game; where nothing was searched for the best are the new ones."""
    orders = {"name": index.by_name, "new": index.by_release, "rtp": index.by_rtp}
    return orders[sort] if sort in orders else sorted(index.by_name, key=lambda entry: not is_new(entry, since))


def _found(index: GamesIndex, query: GamesQuery) -> Sequence[Entry]:
    """The games that answer the search, in the order of the query."""
    search = fold(query.search)
    if not search:
        return _ordered(index, "name" if query.sort == "best" else query.sort, datetime.max)
    found = index.search(search)
    if query.sort == "best":
        return found
    wanted = set(found)
    return [entry for entry in _ordered(index, query.sort, datetime.max) if entry in wanted]
