"""Sessions that ended a moment ago.

Public: `Revocations`.
"""

from collections import OrderedDict


class Revocations:
    """Which tickets were minted before their player's session ended, for as long as such a ticket could live.

    Pure; Unix seconds are passed in. A ticket says only when it expires, which is `ticket_s` after it was minted.
    """

    def __init__(self, ticket_s: int, revocations_max: int) -> None:
        self._ticket_s = ticket_s
        self._max = revocations_max
        self._at: OrderedDict[str, int] = OrderedDict()

    def add(self, player: str, now: int) -> None:
        """The session of `player` ended now. The oldest is forgotten when there are too many."""
        self._at[player] = now
        self._at.move_to_end(player)
        while len(self._at) > self._max or next(iter(self._at.values())) < now - 2 * self._ticket_s:
            self._at.popitem(last=False)

    def covers(self, player: str, expires_at: int) -> bool:
        """Whether a ticket of `player` that expires at `expires_at` was minted before the session ended."""
        ended = self._at.get(player)
        return ended is not None and expires_at <= ended + self._ticket_s
