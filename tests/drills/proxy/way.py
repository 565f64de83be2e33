"""One direction of a connection: bytes go straight through, or through the effects of the toxics that hit it.

Public: `Way`, `Chunk`, `QUEUE_BYTES_MAX`.

Without an effect a chunk is written at once. With effects, a task carries one chunk after the other through them; the
number of waiting bytes is bounded, because reading stops.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tests.drills.proxy.frames import FrameCursor

if TYPE_CHECKING:
    from tests.drills.proxy.effects import Effect

QUEUE_BYTES_MAX = 1 << 20
MESSAGE_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes with the loop's time of their arrival (`at`). A `frame` is one complete WebSocket frame."""

    data: bytes
    at: float
    frame: bool = False


class Way:
    """From `source` to `sink`, both transports; nothing is fed before both exist. `broken` is called if an effect
    fails, since the connection can not continue."""

    def __init__(self, stream: str, broken: Callable[[], None]) -> None:
        self.stream = stream
        self._broken = broken
        self.source: asyncio.Transport | None = None
        self.sink: asyncio.Transport | None = None
        self.effects: tuple[Effect, ...] = ()
        self.frames: FrameCursor | None = None
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Chunk | None] = deque()
        self._queued = 0
        self._partial = b""
        self._headless = False
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._room = asyncio.Event()
        self._room.set()
        self._ended = False

    # --- what comes in

    def feed(self, data: bytes) -> None:
        """These bytes came from the source."""
        if self.frames is not None:
            if self.message_effects:
                self._feed_frames(self.frames, data)
                return
            self.frames.ends(data)
        if not self.effects and self._task is None and self.sink is not None:
            self.sink.write(data)
        else:
            self._enqueue(Chunk(data, self._loop.time()))

    def end(self) -> None:
        """The source will send no more; the sink gets the end after all waiting bytes."""
        if self._ended:
            return
        self._ended = True
        self._flush_partial()
        self._queue.append(None)
        self._wake()

    def inject(self, data: bytes) -> None:
        """Sends a frame of the proxy's own between two others."""
        if not self._ended and not self._headless and self._queued < QUEUE_BYTES_MAX:
            self._enqueue(Chunk(data, self._loop.time()))

    def set_effects(self, effects: Sequence["Effect"]) -> None:
        """Uses these effects from now on; a chunk that is already under way goes through those that it began with."""
        before = self.message_effects
        self.effects = tuple(effects)
        if self.frames is not None and self.message_effects and not before:
            self._headless = self.frames.inside
        if before and not self.message_effects:
            self._flush_partial()

    @property
    def message_effects(self) -> bool:
        """Whether frames have to be told apart."""
        return any(effect.on_messages for effect in self.effects)

    def _feed_frames(self, cursor: FrameCursor, data: bytes) -> None:
        begin = 0
        for end in cursor.ends(data):
            whole = self._partial + data[begin:end]
            self._partial, begin = b"", end
            self._enqueue(Chunk(whole, self._loop.time(), frame=not self._headless))
            self._headless = False
        self._partial += data[begin:]
        if self._headless or len(self._partial) > MESSAGE_BYTES_MAX:
            # The rest of a frame whose beginning has passed, or one that is too large to be buffered, passes as it
            # comes.
            self._headless = bool(self._partial) or self._headless
            self._flush_partial()

    def _flush_partial(self) -> None:
        if self._partial:
            self._enqueue(Chunk(self._partial, self._loop.time()))
            self._partial = b""

    def _enqueue(self, chunk: Chunk) -> None:
        self._queue.append(chunk)
        self._queued += len(chunk.data)
        self._throttle()
        self._wake()

    # --- what goes out

    def sink_full(self, full: bool) -> None:
        """Whether the other side reads too slowly."""
        (self._writable.clear if full else self._writable.set)()
        self._throttle()

    async def room(self) -> None:
        """Waits until more may be fed."""
        await self._room.wait()

    @property
    def queued_bytes(self) -> int:
        """How many bytes are waiting."""
        return self._queued

    @property
    def busy(self) -> bool:
        """Whether anything is still under way."""
        return self._task is not None or bool(self._queue)

    @property
    def waiting(self) -> bool:
        """Whether more has come after the chunk that is under way."""
        return bool(self._queue)

    def stop(self) -> None:
        """The connection is over."""
        self._ended = True
        self._queue.clear()
        for effect in self.effects:
            effect.stop()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    def _throttle(self) -> None:
        rest = not self._writable.is_set() or self._queued > QUEUE_BYTES_MAX
        if rest != self._room.is_set():
            return
        (self._room.clear if rest else self._room.set)()
        if self.source is not None and not self.source.is_closing():
            (self.source.pause_reading if rest else self.source.resume_reading)()

    def _wake(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._queue:
                chunk = self._queue.popleft()
                if chunk is None:
                    await self._finish(self.effects)
                    break
                self._queued -= len(chunk.data)
                self._throttle()
                await self._pass(self.effects, 0, chunk)
        except Exception:
            self._broken()
            raise
        finally:
            self._task = None

    async def _finish(self, effects: tuple["Effect", ...]) -> None:
        for place, effect in enumerate(effects):
            await effect.end(partial(self._pass, effects, place + 1))
        if self.sink is not None and not self.sink.is_closing():
            self.sink.write_eof()

    async def _pass(self, effects: tuple["Effect", ...], place: int, chunk: Chunk) -> None:
        if place < len(effects):
            effects[place].passes()
            await effects[place].carry(chunk, partial(self._pass, effects, place + 1))
            return
        await self._writable.wait()
        if self.sink is not None and not self.sink.is_closing():
            self.sink.write(chunk.data)
