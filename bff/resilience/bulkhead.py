"""How many calls one upstream may hold at once.

Public: `Bulkhead`, `Place`.
"""

import asyncio
from collections import deque


class Place:
    """The permit for one call. It belongs to the call and not to its caller: released once, when the call has really
    ended.
    """

    __slots__ = ("_bulkhead", "_left")

    def __init__(self, bulkhead: "Bulkhead") -> None:
        self._bulkhead = bulkhead
        self._left = False

    def leave(self) -> None:
        """Release the permit; a second time is a `RuntimeError`."""
        if self._left:
            raise RuntimeError("this place has been left already")
        self._left = True
        self._bulkhead._vacated()


class Bulkhead:
    """At most `in_flight_max` calls, and at most `waiting_max` that wait for a permit, first come first served."""

    def __init__(self, in_flight_max: int, waiting_max: int) -> None:
        self.in_flight = 0
        self._in_flight_max = in_flight_max
        self._waiting_max = waiting_max
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    async def enter(self, wait_ms: float) -> Place | None:
        """A place, waited for at most `wait_ms`; None when there is none. Cancelled, it leaves nothing behind."""
        if self.in_flight < self._in_flight_max:
            self.in_flight += 1
            return Place(self)
        if len(self._queue) >= self._waiting_max:
            return None
        return await self._wait(wait_ms)

    async def _wait(self, wait_ms: float) -> Place | None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(wait_ms / 1000):
                await turn
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            if self._turn_came(turn):
                self._vacated()
            raise
        return Place(self) if self._turn_came(turn) else None

    def _turn_came(self, turn: asyncio.Future[None]) -> bool:
        # A turn can come in the same moment in which its waiter gives up.
        if turn.done() and not turn.cancelled():
            return True
        if turn in self._queue:
            self._queue.remove(turn)
        return False

    def _vacated(self) -> None:
        # The room passes straight to the next in line, so that nobody can slip in between.
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.in_flight -= 1
