"""One page's socket, as the process knows it.

Public: `Socket`.
"""

import asyncio
from collections.abc import Callable, Coroutine, MutableMapping
from typing import Any

from bff.live.box import Box
from bff.live.close_code import CloseCode
from bff.live.pending_send import begin
from bff.live.policy import LivePolicy
from bff.live.token_bucket import TokenBucket
from bff.live.wire import notice

Send = Callable[[MutableMapping[str, Any]], Coroutine[Any, Any, None]]


class Socket:
    """Who reads and writes the connection is the consumer. Times are of the loop's clock."""

    __slots__ = (
        "__weakref__",
        "box",
        "message_budget",
        "opened_at",
        "patience",
        "player",
        "send",
        "sent",
        "sent_before",
        "session",
        "slot",
        "stuck_since",
        "ticket_checked_at",
        "ticket_requested_at",
        "topics",
    )

    def __init__(self, policy: LivePolicy, now: float, send: Send, player: str = "") -> None:
        self.player = player
        self.session = ""
        self.box = Box(policy.box_topics_max)
        self.topics: set[str] = set()
        self.message_budget = TokenBucket(policy.messages_burst, policy.messages_per_s, now)
        self.opened_at = now
        self.ticket_checked_at = now
        self.ticket_requested_at: float | None = None
        self.send = send
        self.sent = 0
        self.sent_before = -1
        self.stuck_since: float | None = None
        self.patience: asyncio.Timeout | None = None
        self.slot = 0

    def __repr__(self) -> str:
        return f"<Socket player={self.player or 'anonymous'} topics={len(self.topics)} {self.box!r}>"

    def send_text(self, topic: str, text: str) -> None:
        """Send at once when nothing is in the way; leave the rest of it, or all of it, to the writer."""
        if not self.box.idle:
            self.box.put(topic, text)
            return
        try:
            pending = begin(self.send({"type": "websocket.send", "text": text}))
        except (OSError, RuntimeError):
            # The connection is ending. The writer meets the same and ends the socket; fan-out must go on.
            self.box.put(topic, text)
            return
        if pending is None:
            self.sent += 1
        else:
            self.box.finish(pending)

    def request_ticket(self, now: float) -> None:
        """Ask the page to prove that its session goes on."""
        if self.player and self.ticket_requested_at is None:
            self.ticket_requested_at = now
            self.box.put_control("ticket", notice("ticket"))

    def ticket_accepted(self, now: float) -> None:
        """The page brought a ticket that is good."""
        self.ticket_checked_at = now
        self.ticket_requested_at = None

    def check(self, policy: LivePolicy, now: float) -> None:
        """What is due by the clock, once a heartbeat: give up on a client that does not read, end what idles, ask."""
        if self._is_stuck(policy, now):
            if self.patience is not None and not self.patience.expired():
                self.patience.reschedule(now)
        elif not self.topics and now - self.opened_at > policy.idle_s_max:
            self.box.close(CloseCode.IDLE)
        elif self.ticket_requested_at is not None and now - self.ticket_requested_at > policy.recheck_grace_s:
            self.box.close(CloseCode.SESSION_ENDED)
        elif now - self.ticket_checked_at > policy.recheck_s:
            self.request_ticket(now)

    def _is_stuck(self, policy: LivePolicy, now: float) -> bool:
        # A heartbeat was put in at the last visit, so a writer that has sent nothing since is waiting for its client.
        moved, self.sent_before = self.sent != self.sent_before, self.sent
        if moved:
            self.stuck_since = None
            return False
        if self.stuck_since is None:
            self.stuck_since = now - policy.heartbeat_s
        return now - self.stuck_since > policy.send_s_max
