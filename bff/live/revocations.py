"""Sessions that ended a moment ago.

Public: `Revocations`.
"""

from collections import OrderedDict


class Revocations:
    """Which tickets name a session that is over, for longer than such a ticket could live.

    Pure; Unix seconds are passed in, and only say when to forget: a ticket names its session (`<mark>.<epoch>`), so no
    two clocks have to agree about which came first.
    """

    def __init__(self, ticket_s: int, revocations_max: int) -> None:
        # The ticket's own minute, one in which a shell that was cut off may still have minted it, and one to spare.
        self._keep_s = 3 * ticket_s
        self._max = revocations_max
        self._marks: OrderedDict[str, int] = OrderedDict()
        self._players: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def add(self, player: str, now: int, *, mark: str = "", epoch: int = 0) -> None:
        """The session behind `mark` is over, or without one all sessions of `player` from before `epoch`. The oldest
        is forgotten when there are too many."""
        if mark:
            self._marks[mark] = now
            self._marks.move_to_end(mark)
        else:
            epoch_before, _ = self._players.get(player, (0, now))
            self._players[player] = (max(epoch_before, epoch), now)
            self._players.move_to_end(player)
        while len(self._marks) > self._max or (self._marks and next(iter(self._marks.values())) < now - self._keep_s):
            self._marks.popitem(last=False)
        while len(self._players) > self._max or (
            self._players and next(iter(self._players.values()))[1] < now - self._keep_s
        ):
            self._players.popitem(last=False)

    def covers(self, player: str, session: str) -> bool:
        """Whether `session` of `player` is over. A ticket that names none counts as one of the oldest."""
        mark, _, epoch = session.partition(".")
        ended_before, _ = self._players.get(player, (0, 0))
        return mark in self._marks or (int(epoch) if epoch.isascii() and epoch.isdigit() else 0) < ended_before
