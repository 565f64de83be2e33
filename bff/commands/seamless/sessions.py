"""Which game tokens a bet may still come with: those whose session nobody has ended.

Public: `EndedSessions`.
"""

from collections import OrderedDict

from bff.commands.engine.policy import POLICY, EnginePolicy
from bff.contracts.player_context import PlayerContext


class EndedSessions:
    """What this process knows of sessions that ended. Pure; Unix seconds are passed in.

    A game token lives for hours so that a game can be played with one, and names its session (`<mark>.<epoch>`), which
    a revocation names too. A token that is older than the shell's other tokens ever get is believed only where every
    revocation since it was minted has been received; otherwise the player's page has a fresh one.
    """

    def __init__(self, policy: EnginePolicy = POLICY) -> None:
        self._policy = policy
        self._marks: OrderedDict[str, float] = OrderedDict()
        self._players: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._complete_since: float | None = None

    def complete_from(self, now: float) -> None:
        """From `now` on every revocation is received."""
        self._complete_since = now

    def incomplete(self) -> None:
        """Revocations may be missed from here on."""
        self._complete_since = None

    def revoke(self, player: str, now: float, *, mark: str = "", epoch: int = 0) -> None:
        """The session behind `mark` is over, or without one all sessions of `player` from before `epoch`."""
        if mark:
            self._marks[mark] = now
            self._marks.move_to_end(mark)
        else:
            epoch_before, _ = self._players.get(player, (0, now))
            self._players[player] = (max(epoch_before, epoch), now)
            self._players.move_to_end(player)
        self._forget(now)

    def is_live(self, token: PlayerContext, now: float) -> bool:
        """Whether a bet may come with `token`; its expiry is somebody else's question."""
        mark, _, epoch = token.session.partition(".")
        ended_before, _ = self._players.get(token.player, (0, 0.0))
        if mark in self._marks or (int(epoch) if epoch.isascii() and epoch.isdigit() else 0) < ended_before:
            return False
        # Either way: a clock that is ahead must not make a token fresh for as long as it is ahead.
        if abs(now - token.issued_at) <= self._policy.token_fresh_s:
            return True
        complete = self._complete_since is not None and token.issued_at >= self._complete_since
        return complete and bool(mark) and now - token.issued_at <= self._policy.token_age_h_max * 3600

    def _forget(self, now: float) -> None:
        """What no token can name any more goes; what has to go for want of room takes the belief in its age with it."""
        retained_s = self._policy.token_age_h_max * 3600 + self._policy.token_fresh_s
        while self._marks and (next(iter(self._marks.values())) < now - retained_s or self._full(self._marks)):
            self._forgotten(self._marks.popitem(last=False)[1])
        while self._players and (next(iter(self._players.values()))[1] < now - retained_s or self._full(self._players)):
            self._forgotten(self._players.popitem(last=False)[1][1])

    def _full(self, log: OrderedDict[str, float] | OrderedDict[str, tuple[int, float]]) -> bool:
        return len(log) > self._policy.revocations_max

    def _forgotten(self, at: float) -> None:
        if self._complete_since is not None:
            self._complete_since = max(self._complete_since, at)
