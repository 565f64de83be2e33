"""The set of revoked sessions in one process.

Public: `RevokedSessions`.
"""

from collections import OrderedDict

from shell.players.identity import Identity


class RevokedSessions:
    """Pure; seconds of a monotonic clock are passed in.

    What has ended is remembered for `keep_s` after it was last read or heard, which is longer than anything lives that
    names the session. Nothing else is ever forgotten: a mark is never used again, and an epoch never comes back.
    """

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._marks: OrderedDict[str, float] = OrderedDict()
        self._epochs: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._complete_at: float | None = None

    def __repr__(self) -> str:
        return (
            f"<RevokedSessions sessions={len(self._marks)} players={len(self._epochs)} complete_at={self._complete_at}>"
        )

    def add_session(self, mark: str, now: float) -> None:
        """The one session behind `mark` is over."""
        self._forget(now)
        self._marks[mark] = now
        self._marks.move_to_end(mark)

    def add_player(self, player: str, epoch: int, now: float) -> None:
        """All sessions of `player` from before `epoch` are over."""
        self._forget(now)
        newest, _ = self._epochs.get(player, (0, now))
        self._epochs[player] = (max(newest, epoch), now)
        self._epochs.move_to_end(player)

    def is_revoked(self, mark: str) -> bool:
        return mark in self._marks

    def covers(self, identity: Identity) -> bool:
        """Whether the session behind `identity` is over."""
        ended_before, _ = self._epochs.get(identity.player, (0, 0.0))
        return identity.mark in self._marks or identity.epoch < ended_before

    def complete(self, now: float) -> None:
        """Everything that had ended by `now` has been added."""
        self._complete_at = now if self._complete_at is None else max(now, self._complete_at)

    def is_complete(self, now: float, *, age_s_max: float) -> bool:
        """Whether all that had ended up to `age_s_max` ago is known here."""
        return self._complete_at is not None and now - self._complete_at <= age_s_max

    def _forget(self, now: float) -> None:
        while self._marks and next(iter(self._marks.values())) < now - self._keep_s:
            self._marks.popitem(last=False)
        while self._epochs and next(iter(self._epochs.values()))[1] < now - self._keep_s:
            self._epochs.popitem(last=False)
