"""The effect of a toxic on one direction of one connection; here those that work on bytes, which are Toxiproxy's.

Public: `Effect`, `Forward`, `TCP`.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.drills.proxy.toxic import Toxic
from tests.drills.proxy.way import Chunk, Way

if TYPE_CHECKING:
    from tests.drills.proxy.connection import Connection

Forward = Callable[[Chunk], Awaitable[None]]
PIECE_S = 0.1  # bandwidth passes pieces of at most this duration


class Effect:
    """Passes each chunk to `forward`: later, changed, repeated or not at all; once stopped, at once and unchanged."""

    on_messages = False

    def __init__(self, toxic: Toxic, way: Way, connection: "Connection") -> None:
        self.toxic, self.way, self.connection = toxic, way, connection
        self.request = connection.conversation.request
        self._gone = asyncio.Event()
        self._last_hit: object = None

    def start(self) -> None:
        """Begins on an open connection."""

    def stop(self) -> None:
        """Ends; whatever waits in `rest` continues."""
        self._gone.set()

    @property
    def gone(self) -> bool:
        return self._gone.is_set()

    def hit(self) -> None:
        """Counts a hit: once for each request, or for each connection."""
        what = self.connection.conversation.request if self.toxic.counts_requests else self.connection
        if what is not self._last_hit and not self.gone:
            self._last_hit = what
            self.toxic.hits.add()

    def passes(self) -> None:
        """Called before bytes pass, and counts a hit; an effect on messages overrides this and counts those that it
        changes."""
        if not self.on_messages:
            self.hit()

    async def carry(self, chunk: Chunk, forward: Forward) -> None:
        await forward(chunk)

    async def end(self, forward: Forward) -> None:
        """The end of the stream is about to pass; bytes that were held back are sent first."""

    async def rest(self, seconds: float) -> None:
        """Waits for so long, or until the toxic is removed."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), seconds)


class Latency(Effect):
    async def carry(self, chunk: Chunk, forward: Forward) -> None:
        jitter = self.toxic.number("jitter")
        delay_s = (self.toxic.number("latency") + (random.uniform(-jitter, jitter) if jitter else 0)) / 1000
        now = asyncio.get_running_loop().time()
        await self.rest(chunk.at + delay_s - now)
        # Two latencies add up: the next one counts from this moment.
        await forward(replace(chunk, at=chunk.at + max(delay_s, 0)))


class Bandwidth(Effect):
    async def carry(self, chunk: Chunk, forward: Forward) -> None:
        rate = self.toxic.number("rate") * 1000
        if not rate:
            await forward(chunk)
            return
        step = max(int(rate * PIECE_S), 1)
        for begin in range(0, len(chunk.data), step):
            piece = chunk.data[begin : begin + step]
            await self.rest(len(piece) / rate)
            await forward(replace(chunk, data=piece, frame=False))


class SlowClose(Effect):
    async def end(self, forward: Forward) -> None:
        self.hit()
        await self.rest(self.toxic.number("delay") / 1000)


class Timeout(Effect):
    """The time counts from the moment at which the toxic begins, whether or not bytes come."""

    _timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if wait_ms := self.toxic.number("timeout"):
            self._timer = asyncio.get_running_loop().call_later(wait_ms / 1000, self._close)

    def _close(self) -> None:
        self.hit()
        self.connection.close()

    def stop(self) -> None:
        super().stop()
        if self._timer is not None:
            self._timer.cancel()
        # Bytes are missing, so the reader has to wait again.
        self.connection.close_soon()

    async def carry(self, chunk: Chunk, forward: Forward) -> None:
        if self.gone:
            await forward(chunk)

    async def end(self, forward: Forward) -> None:
        self.hit()
        await self._gone.wait()


class ResetPeer(Effect):
    async def carry(self, chunk: Chunk, forward: Forward) -> None:
        await self.rest(self.toxic.number("timeout") / 1000)
        if self.gone:
            await forward(chunk)
        else:
            self.connection.reset()


class Slicer(Effect):
    async def carry(self, chunk: Chunk, forward: Forward) -> None:
        average, variation = self.toxic.number("average_size"), self.toxic.number("size_variation")
        begin = 0
        while average and begin < len(chunk.data) and not self.gone:
            end = begin + max(average + random.randint(-variation, variation), 1)
            await forward(replace(chunk, data=chunk.data[begin:end], frame=False))
            begin = end
            await self.rest(self.toxic.number("delay") / 1_000_000)
        if begin < len(chunk.data):
            await forward(replace(chunk, data=chunk.data[begin:]))


class LimitData(Effect):
    _passed = 0

    async def carry(self, chunk: Chunk, forward: Forward) -> None:
        left = self.toxic.number("bytes") - self._passed
        self._passed += len(chunk.data)
        if left > 0:
            await forward(replace(chunk, data=chunk.data[:left]))
        if len(chunk.data) >= left:
            self.connection.close()


TCP: dict[str, type[Effect]] = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "slow_close": SlowClose,
    "timeout": Timeout,
    "reset_peer": ResetPeer,
    "slicer": Slicer,
    "limit_data": LimitData,
}
