"""How far what is shown of games may be believed, and since when. Pure: no request, no clock, no I/O.

Public: `Late`, `judged`, `is_paused`, `note`, `late_providers`, `UNREACHABLE`.
"""

from dataclasses import dataclass, replace

from bff.contracts.games import GamesData, games_feed
from bff.contracts.view import View
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import PROPERTIES, Source
from fragments.games.page_request import PageRequest
from fragments.kit.answer import Degraded
from fragments.kit.formats import Formats
from fragments.kit.freshness import AsOf, Note, as_of, judge

UNREACHABLE = Note("bad", "Games can't be shown right now. We keep trying.")


@dataclass(frozen=True, slots=True)
class Late:
    """A provider whose games may be out of date, since `moment` where that is known; `why` may be empty."""

    name: str
    moment: AsOf | None
    why: str


def judged(answer: View[GamesData] | Failure, page_request: PageRequest, failure: Failure | None) -> Degraded | None:
    """What is amiss with an answer, named by the first provider where it is a feed. `failure`: see `judge`."""
    degraded = judge(answer, acts=not page_request.sign_in, failure=failure)
    data = None if isinstance(answer, Failure) else answer.data
    late = [one for one in data.providers if one.state != "live"] if data and degraded else []
    if degraded is None or not _is_of_a_feed(degraded) or not late:
        return degraded
    return replace(degraded, upstream=games_feed(late[0].provider_id))


def is_paused(degraded: Degraded | None) -> bool:
    """Whether commands are not taken at this moment."""
    return degraded is not None and degraded.reason is Reason.ENGINE_DOWN


def note(degraded: Degraded | None, failure: Failure | None, data: GamesData, formats: Formats) -> Note:
    """One line over the games: how many there are, or since when nothing was heard."""
    late = any(one.state != "live" for one in data.providers)
    if degraded is not None and (failure is not None or (_is_of_a_feed(degraded) and not late)):
        return Note("warn", "No word from the catalogue since", as_of(degraded.as_of, formats))
    return Note("good", "1 game" if data.total == 1 else f"{formats.number(data.total)} games")


def late_providers(data: GamesData, formats: Formats, failure: Failure | None) -> list[Late]:
    """None beside an answer that stands in for another: its own moment is said of all of them."""
    late = [one for one in data.providers if one.state != "live"] if failure is None else []
    return [Late(one.name, as_of(one.as_of, formats), one.held) for one in late]


def _is_of_a_feed(degraded: Degraded) -> bool:
    return PROPERTIES[degraded.reason].source is Source.FEED
