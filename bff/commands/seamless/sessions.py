"""Decides whether a bet's game token is still valid: its session must not have been revoked.

Public: `EndedSessions`.
"""

from bff.commands.engine.policy import POLICY, EnginePolicy
from bff.contracts.player_context import PlayerContext
from bff.resilience.revocation_log import RevocationLog


class EndedSessions:
    """The revoked sessions that this process has received. Pure; Unix seconds are passed in.

    A game token lives for hours so that a game can be played with one, and names its session (`<mark>.<epoch>`), which
    a revocation names too. A token that is older than the shell's other tokens ever get is believed only where every
    revocation since it was minted has been received; otherwise the player's page has a fresh one.
    """

    def __init__(self, policy: EnginePolicy = POLICY) -> None:
        self._policy = policy
        # Longer than any token can name a session.
        retained_s = policy.token_age_h_max * 3600 + policy.token_fresh_s
        self._revoked = RevocationLog(revocations_max=policy.revocations_max, retained_s=retained_s)
        self._complete_since: float | None = None

    def complete_from(self, now: float) -> None:
        """From `now` on every revocation is received."""
        self._complete_since = now

    def incomplete(self) -> None:
        """Revocations may be missed from here on."""
        self._complete_since = None

    def revoke(self, player: str, now: float, *, mark: str = "", epoch: int = 0) -> None:
        """The session behind `mark` is over, or without one all sessions of `player` from before `epoch`."""
        forgotten_at = self._revoked.add(player, now, mark=mark, epoch=epoch)
        # Where a revocation was evicted for want of room, tokens of its age are no longer accepted.
        if forgotten_at is not None and self._complete_since is not None:
            self._complete_since = max(self._complete_since, forgotten_at)

    def is_live(self, token: PlayerContext, now: float) -> bool:
        """Whether `token`'s session allows a bet; its expiry is checked elsewhere."""
        if self._revoked.covers(token.player, token.session):
            return False
        mark = token.session.partition(".")[0]
        # Measured in both directions: a minting clock that is ahead must not keep a token fresh for that much longer.
        if abs(now - token.issued_at) <= self._policy.token_fresh_s:
            return True
        complete = self._complete_since is not None and token.issued_at >= self._complete_since
        return complete and bool(mark) and now - token.issued_at <= self._policy.token_age_h_max * 3600
