"""Sessions that ended a moment ago.

Public: `Revocations`.
"""

from bff.resilience.revocation_log import RevocationLog


class Revocations(RevocationLog):
    """Which tickets name a session that is over, for longer than such a ticket could live."""

    def __init__(self, ticket_s: int, revocations_max: int) -> None:
        # The ticket's own minute, one in which a shell that was cut off may still have minted it, and one to spare.
        super().__init__(revocations_max=revocations_max, retained_s=3 * ticket_s)
