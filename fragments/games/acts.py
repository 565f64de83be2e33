"""The actions on one game, and their results for the page. Pure: no I/O.

Public: `Act`, `Result`, `act_from`, `search_of`, `result_of`, `NOT_READ`, `TOPIC`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec

from bff.contracts.command_names import LAUNCH_GAME, SET_FAVOURITE
from bff.contracts.games import GamesData, LaunchGame, SetFavourite, is_game_id
from bff.contracts.problem import Problem
from bff.contracts.view import View
from bff.contracts.wallet import Receipt
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.games.page_request import Notice
from fragments.games.search import CATALOGUE_SLOT, Search, search_from
from fragments.kit.bff import Unknown

Does = Literal["mark", "unmark", "play"]
COMMANDS: Mapping[str, str] = {"mark": SET_FAVOURITE, "unmark": SET_FAVOURITE, "play": LAUNCH_GAME}
# The topic that other slots of the page may listen to.
TOPIC = "games"
NOT_READ = Notice("bad", "This form could not be read, so nothing was sent. Please try again.")
_NOT_SENT = "This can't be saved right now, and nothing was sent. Please try again in a moment."
_UNKNOWN = "No answer came, so this may or may not have been saved. Doing it again can't do harm."
_PLAYED = "is your latest game. On this demonstration site it would open here, from its provider."
_PENDING = "This is being saved. It shows here in a moment."
_PREFIX = f"{CATALOGUE_SLOT}."
_AT_CHARS_MAX = 1024


@dataclass(frozen=True, slots=True)
class Act:
    """`search` is the search of the open page, None on the lobby's shelf."""

    does: Does
    game_id: str
    search: Search | None

    @property
    def command(self) -> str:
        """The command's name."""
        return COMMANDS[self.does]

    @property
    def body(self) -> msgspec.Struct:
        """The command's body."""
        return LaunchGame(self.game_id) if self.does == "play" else SetFavourite(self.game_id, self.does == "mark")


@dataclass(frozen=True, slots=True)
class Result:
    """`marked` and `played` are the state that the engine has confirmed; `notice` is a message beside it. If the action
    could not be sent, the slot asks again by itself, as no topic tells when the engine is back.
    """

    status: int = 200
    notice: Notice | None = None
    receipt: Receipt | None = None
    marked: tuple[str, bool] | None = None
    played: str = ""
    asks_again: bool = False

    def notice_in(self, answer: View[GamesData] | Failure) -> Notice | None:
        """The notice, with the name of what was done as the read side has it."""
        data = None if isinstance(answer, Failure) else answer.data
        games = [*data.recent, *data.games] if data else []
        name = next((game.name for game in games if game.game_id in (self.played, (self.marked or ("",))[0])), "It")
        if self.played:
            latest = None if data is None else data.recent[0].game_id if data.recent else ""
            return Notice("good", f"{name} {_PLAYED}", latest=latest)
        if self.marked:
            return Notice("good", f"{name} is {'one' if self.marked[1] else 'none'} of your favourites.", closes=False)
        return self.notice


def act_from(form: Mapping[str, str]) -> Act | None:
    """None where the form is none of ours."""
    does, game_id = form.get("do", ""), form.get("game_id", "")
    if does not in COMMANDS or not is_game_id(game_id):
        return None
    return Act(does, game_id, search_of(form))  # type: ignore[arg-type]  # one of COMMANDS


def result_of(act: Act, outcome: Receipt | Problem | Unknown | Failure) -> Result:
    """The result of the engine's `outcome` for the player."""
    match outcome:
        case Receipt(state="done"):
            if act.does == "play":
                return Result(receipt=outcome, played=act.game_id)
            return Result(receipt=outcome, marked=(act.game_id, act.does == "mark"))
        case Receipt(state="pending"):
            return Result(202, Notice("warn", outcome.reason or _PENDING), outcome)
        case Receipt() | Problem(detail=""):
            return Result(422, Notice("bad", "This could not be done. Nothing has changed."))
        case Problem():
            return Result(422, Notice("bad", outcome.detail))
        case Unknown():
            return Result(notice=Notice("warn", _UNKNOWN))
        case Failure(reason=Reason.UNAUTHORISED):
            return Result(401)
        case Failure():
            return Result(notice=Notice("bad", _NOT_SENT, ends="engine"), asks_again=True)


def search_of(form: Mapping[str, str]) -> Search | None:
    """The search of the page that the form stood in; None for the lobby's shelf."""
    at = form.get("at", "")[:_AT_CHARS_MAX]
    if not at:
        return None
    query = dict(parse_qsl(urlsplit(at).query))
    return search_from({name.removeprefix(_PREFIX): value for name, value in query.items()})
