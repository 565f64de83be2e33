"""One page's socket, as the process knows it.

Public: `Socket`.
"""

import asyncio

from bff.live.allowance import Allowance
from bff.live.box import Box
from bff.live.closing import Closing
from bff.live.policy import LivePolicy
from bff.live.wire import notice


class Socket:
    """State only; who reads and writes the connection is the consumer. Times are of the loop's clock."""

    __slots__ = (
        "__weakref__",
        "allowance",
        "box",
        "opened_at",
        "patience",
        "player",
        "sending_since",
        "slot",
        "ticket_asked_at",
        "ticket_checked_at",
        "topics",
    )

    def __init__(self, player: str, policy: LivePolicy, now: float) -> None:
        self.player = player
        self.box = Box(policy.box_topics_max)
        self.topics: set[str] = set()
        self.allowance = Allowance(policy.messages_burst, policy.messages_per_s, now)
        self.opened_at = now
        self.ticket_checked_at = now
        self.ticket_asked_at: float | None = None
        self.sending_since: float | None = None
        self.patience: asyncio.Timeout | None = None
        self.slot = 0

    def __repr__(self) -> str:
        return f"<Socket player={self.player or 'anonymous'} topics={len(self.topics)} {self.box!r}>"

    def ask_ticket(self, now: float) -> None:
        """Ask the page to prove that its session goes on."""
        if self.player and self.ticket_asked_at is None:
            self.ticket_asked_at = now
            self.box.tell("ticket", notice("ticket"))

    def ticket_seen(self, now: float) -> None:
        """The page brought a ticket that is good."""
        self.ticket_checked_at = now
        self.ticket_asked_at = None

    def look_after(self, policy: LivePolicy, now: float) -> None:
        """What is due by the clock: give up on a client that does not read, end what idles, ask for a ticket."""
        if self.sending_since is not None and now - self.sending_since > policy.send_s_max:
            if self.patience is not None and not self.patience.expired():
                self.patience.reschedule(now)
            return
        if not self.topics and now - self.opened_at > policy.idle_s_max:
            self.box.close(Closing.IDLE)
        elif self.ticket_asked_at is not None and now - self.ticket_asked_at > policy.recheck_grace_s:
            self.box.close(Closing.SESSION_ENDED)
        elif now - self.ticket_checked_at > policy.recheck_s:
            self.ask_ticket(now)
