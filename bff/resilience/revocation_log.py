"""Sessions that ended, remembered for as long as a token could still name one.

Public: `RevocationLog`.
"""

from collections import OrderedDict


class RevocationLog:
    """By mark, and by player with the epoch before which all sessions are over. Pure; Unix seconds are passed in.

    A token names its session (`<mark>.<epoch>`), so no two clocks have to agree about which came first. The oldest are
    forgotten beyond `revocations_max` of a kind, and after `retained_s`.
    """

    def __init__(self, *, revocations_max: int, retained_s: float) -> None:
        self._max, self._retained_s = revocations_max, retained_s
        self._marks: OrderedDict[str, float] = OrderedDict()
        self._players: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def add(self, player: str, now: float, *, mark: str = "", epoch: int = 0) -> float | None:
        """The session behind `mark` is over, or without one all sessions of `player` from before `epoch`.

        When the latest was added of those that had to be forgotten, None where nothing had.
        """
        if mark:
            self._marks[mark] = now
            self._marks.move_to_end(mark)
        else:
            epoch_before, _ = self._players.get(player, (0, now))
            self._players[player] = (max(epoch_before, epoch), now)
            self._players.move_to_end(player)
        return self._forget(now - self._retained_s)

    def covers(self, player: str, session: str) -> bool:
        """Whether `session` of `player` is over. A token that names none counts as one of the oldest."""
        mark, _, epoch = session.partition(".")
        ended_before, _ = self._players.get(player, (0, 0.0))
        return mark in self._marks or (int(epoch) if epoch.isascii() and epoch.isdigit() else 0) < ended_before

    def _forget(self, before: float) -> float | None:
        forgotten = []
        while self._marks and (len(self._marks) > self._max or next(iter(self._marks.values())) < before):
            forgotten.append(self._marks.popitem(last=False)[1])
        while self._players and (len(self._players) > self._max or next(iter(self._players.values()))[1] < before):
            forgotten.append(self._players.popitem(last=False)[1][1])
        return max(forgotten, default=None)
