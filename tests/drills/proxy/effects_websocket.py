"""Effects on whole WebSocket messages; pings, pongs and close frames pass.

Public: `WEBSOCKET`.
"""

import asyncio

from tests.drills.proxy import frames
from tests.drills.proxy.effects import Effect, Forward
from tests.drills.proxy.way import Chunk

# After a close frame the other side still has to answer it, as the protocol demands.
CLOSE_S = 1.0
TICK_S = 0.02


class _Messages(Effect):
    on_messages = True

    async def carry(self, chunk: Chunk, forward: Forward) -> None:
        if self.gone or not chunk.frame or not frames.is_message(chunk.data):
            await forward(chunk)
        else:
            await self.message(chunk, forward)

    async def message(self, chunk: Chunk, forward: Forward) -> None:
        await forward(chunk)


class Silence(_Messages):
    async def message(self, chunk: Chunk, forward: Forward) -> None:
        """Drops the message."""
        self.hit()


class Gap(_Messages):
    _count = 0

    async def message(self, chunk: Chunk, forward: Forward) -> None:
        self._count += 1
        if self._count % self.toxic.number("every"):
            await forward(chunk)
        else:
            self.hit()


class Duplicate(_Messages):
    async def message(self, chunk: Chunk, forward: Forward) -> None:
        self.hit()
        for _ in range(1 + self.toxic.number("copies")):
            await forward(chunk)


class Reorder(_Messages):
    def start(self) -> None:
        self._held: list[Chunk] = []

    async def message(self, chunk: Chunk, forward: Forward) -> None:
        self._held.append(chunk)
        if len(self._held) >= self.toxic.number("window"):
            self.hit()
            await self.end(forward)

    async def end(self, forward: Forward) -> None:
        while self._held:
            await forward(self._held.pop())


class Flood(_Messages):
    """Repeats the last message; before the first one there is nothing to repeat."""

    _last = b""
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._repeat())

    def stop(self) -> None:
        super().stop()
        if self._task is not None:
            self._task.cancel()

    async def message(self, chunk: Chunk, forward: Forward) -> None:
        self._last = chunk.data
        await forward(chunk)

    async def _repeat(self) -> None:
        owed = 0.0
        while True:
            await asyncio.sleep(TICK_S)
            owed += self.toxic.number("rate") * TICK_S
            for _ in range(int(owed) if self._last else 0):
                self.hit()
                self.way.inject(self._last)
            owed -= int(owed)


class CloseCode(_Messages):
    def start(self) -> None:
        self.hit()
        self.way.inject(frames.close(self.toxic.number("code")))
        self.way.end()
        asyncio.get_running_loop().call_later(CLOSE_S, self.connection.close)


WEBSOCKET: dict[str, type[Effect]] = {
    "silence": Silence,
    "gap": Gap,
    "duplicate": Duplicate,
    "reorder": Reorder,
    "flood": Flood,
    "close_code": CloseCode,
}
