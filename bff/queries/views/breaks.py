"""Whether the player is on a break, the same in every view that offers actions.

Public: `break_topics`, `break_of`.
"""

from datetime import UTC, datetime

from bff.contracts.player_context import PlayerContext
from bff.contracts.promotions import SCOPE_PROMOTIONS
from bff.contracts.view import SCOPE_STANDING, Break
from bff.contracts.wallet import SCOPE_READ, LimitsState, limits_topic
from bff.store import Snapshot

_SCOPES = frozenset({SCOPE_READ, SCOPE_PROMOTIONS, SCOPE_STANDING})
# The engine writes the last day of the calendar for a break that no day ends.
_FOR_GOOD = datetime(9999, 1, 1, tzinfo=UTC)


def break_topics(player: PlayerContext | None) -> list[str]:
    """The topics that a snapshot needs for `break_of`; none where `player` may not learn of a break."""
    may = player is not None and player.player and player.scopes & _SCOPES
    return [limits_topic(player.player)] if player is not None and may else []


def break_of(snapshot: Snapshot, player: PlayerContext | None) -> Break | None:
    """The break that goes on at the moment of `snapshot`, by the store's clock."""
    for topic in break_topics(player):
        record = snapshot.current(topic)
        until = record.decode(LimitsState).excluded_until if record is not None else None
        if until is not None and until > snapshot.now:
            return Break(None if until >= _FOR_GOOD else until)
    return None
