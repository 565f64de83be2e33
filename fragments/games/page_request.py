"""A request for a page of games, and the result of an action for that page.

Public: `PageRequest`, `Notice`.
"""

from dataclasses import dataclass
from typing import Literal

from fragments.games.search import Search


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page's search, reader and address: `pathname` is the catalogue's page, `sign_in` is empty for a player.
    `keys` is what the keys of its forms begin with, empty where the shell fills them in.
    `marked` is a favourite that the engine has just confirmed, before the read side shows it.
    """

    search: Search
    pathname: str
    sign_in: str
    keys: str
    marked: tuple[str, bool] | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """The result of a player's action. One that `closes` stays until the player closes it, or until the player's latest
    game is another than `latest`, which is the one that the read side showed beside it; None where it showed none.
    """

    tone: Literal["good", "warn", "bad"]
    words: str
    closes: bool = True
    ends: str = ""
    latest: str | None = None
