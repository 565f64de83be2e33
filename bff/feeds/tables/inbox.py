"""The queue of received messages that are not handled yet, bounded so that a flood costs limited memory and time.

Public: `Inbox`.
"""

import asyncio
from collections import deque

from bff.feeds.health import FeedHealth


class Inbox:
    """Keeps the newest `backlog_max` messages; the oldest go, because whole-table messages make each other obsolete."""

    def __init__(self, backlog_max: int, health: FeedHealth) -> None:
        self._waiting: deque[str | bytes] = deque(maxlen=backlog_max)
        self._health = health
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: str | bytes) -> None:
        if len(self._waiting) == self._waiting.maxlen:
            self._health.message("dropped")
        self._waiting.append(message)
        self._some.set()

    def take(self) -> str | bytes | None:
        """The oldest that is left, None when there is none."""
        if not self._waiting:
            self._some.clear()
            return None
        return self._waiting.popleft()

    async def wait(self) -> None:
        """Returns when there is something to take."""
        await self._some.wait()
