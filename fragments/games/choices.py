"""Links from one list of games to another: kinds, providers, orders, and advice beside an empty list. Pure.

Public: `Choice`, `Empty`, `categories`, `providers`, `sorts`, `empty`.
"""

from dataclasses import dataclass, replace

from bff.contracts.games import GamesData
from fragments.games.search import CATEGORIES, OF_PLAYER, SORTS, Search
from fragments.kit.formats import Formats


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several links or options; `count` is how many games it leads to, empty where nobody counted."""

    words: str
    current: bool
    href: str = ""
    value: str = ""
    count: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    """Why no game is shown, and what to do: `href` under the name `words`."""

    title: str
    advice: str
    words: str
    href: str


def categories(data: GamesData, search: Search, pathname: str, formats: Formats, *, everything: bool) -> list[Choice]:
    """Kinds that hold a game, in the house's order; before them `everything`, else without what was played."""
    counts = {each.category: each.count for each in data.categories}

    def choice(category: str, words: str, count: int) -> Choice:
        href = replace(search, category=category, page=1).link(pathname)
        return Choice(words, category == search.category, href, count=formats.number(count))

    found = [
        choice(category, words, counts.get(category, 0))
        for category, words in CATEGORIES.items()
        if (counts.get(category) or category == search.category) and (everything or category != "recent")
    ]
    total = sum(count for category, count in counts.items() if category not in OF_PLAYER)
    return [choice("", "All", total), *found] if everything else found


def providers(data: GamesData, search: Search, formats: Formats) -> list[Choice]:
    """Whose games can be shown alone, each with how many there are."""
    return [
        Choice(f"{one.name} ({formats.number(one.count)})", one.provider_id == search.provider, value=one.provider_id)
        for one in data.providers
    ]


def sorts(search: Search) -> list[Choice]:
    """Orders that a list may have."""
    return [Choice(words, value == (search.sort or "best"), value=value) for value, words in SORTS.items()]


def empty(search: Search, pathname: str, sign_in: str) -> Empty:
    """Why a search found nothing, and where something is."""
    if sign_in and search.category in OF_PLAYER:
        return Empty("Yours are shown when you are signed in", "They are kept with your account.", "Sign in", sign_in)
    if search.category == "favourites" and not search.search:
        advice = "Press the heart on a game, and it is kept here."
        return Empty("You have no favourites here yet", advice, "Show all games", pathname)
    if search.category == "recent" and not search.search:
        return Empty("You have not played here lately", "What you play is kept here.", "Show all games", pathname)
    if search.search and (search.provider or search.category):
        wider = Search(search=search.search).link(pathname)
        title = f"No game called “{search.search}” with these filters"
        return Empty(title, "It may be there without them.", "Search all games", wider)
    if search.search:
        advice = "Look at the spelling, or try the first letters of its name."
        return Empty(f"No game is called “{search.search}”", advice, "Show all games", pathname)
    advice = "Nothing is hidden: as soon as a provider lists games they appear here."
    return Empty("No game is here at the moment", advice, "Show all games" if search.fields else "", pathname)
