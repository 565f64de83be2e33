"""The coalescing send queue of one socket.

Public: `Box`.
"""

import asyncio

from bff.live.close_code import CloseCode
from bff.live.pending_send import PendingSend


class Box:
    """The latest text of each topic, the topic that has waited longest first.

    A topic that changes while it waits costs nothing more: its text is replaced and it keeps its turn. Control
    texts go before topics, one a kind; closing goes before everything.
    """

    __slots__ = ("_close_code", "_control", "_pending", "_room", "_topics", "_topics_max", "_waiter", "idle")

    def __init__(self, topics_max: int) -> None:
        self._topics_max = topics_max
        self._topics: dict[str, str] = {}
        self._control: dict[str, str] = {}
        self._close_code: CloseCode | None = None
        self._pending: PendingSend | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.idle = False  # the box is empty and its writer sleeps, so that nothing would be overtaken
        self._room: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._topics) + len(self._control)

    def __repr__(self) -> str:
        return f"<Box topics={len(self._topics)} control={len(self._control)} close_code={self._close_code!r}>"

    def put(self, topic: str, text: str) -> bool:
        """Keep `text` as the latest of `topic`; False, and closed, when too many other topics wait already."""
        topics = self._topics
        if topic not in topics:
            if self._close_code is not None:
                return False
            if len(topics) >= self._topics_max:
                self.close(CloseCode.TRY_LATER)
                return False
        topics[topic] = text
        self._wake()
        return True

    def put_control(self, kind: str, text: str) -> None:
        """Keep `text` as the latest of its kind."""
        if self._close_code is not None:
            return
        self._control[kind] = text
        self._wake()

    def finish(self, pending: PendingSend) -> None:
        """A send has been begun and has to wait: its rest is what the writer does next."""
        self._pending = pending
        self._wake()

    def forget(self, topic: str) -> None:
        """The page does not want `topic` any more."""
        self._topics.pop(topic, None)

    def close(self, close_code: CloseCode) -> None:
        """Nothing but `close_code` is to be sent any more; the first reason stays."""
        self._close_code = self._close_code or close_code
        self._topics.clear()
        self._control.clear()
        self._wake()
        self._make_room()

    def pop(self) -> str | PendingSend | CloseCode | None:
        """What is to be sent next, None when nothing is. A close code stays: there is nothing after it."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            return pending
        if self._close_code is not None:
            return self._close_code
        if self._control:
            return self._control.pop(next(iter(self._control)))
        topics = self._topics
        if not topics:
            return None
        if self._room is not None:
            self._make_room()
        return topics.pop(next(iter(topics)))

    def filled(self) -> asyncio.Future[None]:
        """Done when there may be something to pop. One waiter only: who writes to the page."""
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        if self._pending is not None or self._close_code is not None or self._control or self._topics:
            waiter.set_result(None)
        else:
            self.idle = True
        return waiter

    async def room(self) -> None:
        """Wait until one more topic fits, or the box is closed. One waiter only: who reads from the page."""
        while len(self._topics) >= self._topics_max:
            self._room = asyncio.get_running_loop().create_future()
            try:
                await self._room
            finally:
                self._room = None

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _wake(self) -> None:
        self.idle = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
