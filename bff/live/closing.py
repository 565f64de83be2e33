"""Why a socket is closed, as the page hears it.

Public: `Closing`.
"""

from enum import IntEnum


class Closing(IntEnum):
    """Close codes. 4xxx are ours; the others mean what RFC 6455 says. `word` is the reason sent along."""

    RESTARTING = 1012  # sent by the server itself on SIGTERM: come back
    BINARY = 1003  # only text is understood
    TOO_BIG = 1009  # one message over the limit
    TRY_LATER = 1013  # the box overflowed, the client does not read, or the process is full: come back later
    MALFORMED = 4400  # not a message that this house knows
    SESSION_ENDED = 4401  # the player signed out or was signed out: get another ticket before coming back
    IDLE = 4408  # nothing followed in time
    FLOOD = 4429  # messages faster than allowed

    @property
    def word(self) -> str:
        """The reason beside the code, for people who read network logs."""
        return self.name.lower()
