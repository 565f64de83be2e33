"""The close codes of the live socket.

Public: `CloseCode`.
"""

from enum import IntEnum


class CloseCode(IntEnum):
    """Close codes. 4xxx are ours and speak HTTP's numbers where there is one; 1xxx mean what RFC 6455 says."""

    TRY_LATER = 1013  # the box overflowed, the client does not read, or the process is full: come back later
    MALFORMED = 4400  # not a message that this house knows
    SESSION_ENDED = 4401  # the player signed out or was signed out: get another ticket before coming back
    IDLE = 4408  # nothing followed in time
    TOO_BIG = 4413  # one message over the limit
    BINARY = 4415  # only text is understood
    FLOOD = 4429  # messages faster than allowed

    @property
    def word(self) -> str:
        """The reason beside the code, for people who read network logs."""
        return self.name.lower()

    @property
    def private(self) -> int:
        """The code in the range that every server lets an application use: 4013 for 1013."""
        return self.value if self.value >= 3000 else self.value + 3000
