"""Effects on the real answer to one request. Each effect lives for one answer only.

Public: `HTTP`, `Answer`.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from tests.drills.proxy.effects import Effect, Forward
from tests.drills.proxy.head import END, HEAD_BYTES_MAX
from tests.drills.proxy.way import Chunk

_TYPE = re.compile(rb"\r\ncontent-type:[^\r\n]*", re.IGNORECASE)
_DATED = re.compile(rb"(\r\n(?:date|last-modified|expires):[ \t]*)([^\r\n]*)", re.IGNORECASE)
# Written with a fixed number of digits, so that a moved time is as long as it was and the answer's framing holds.
_ISO = re.compile(rb"(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)")
_ISO_BYTES = 19
HELD_S = 0.02


class SlowFirstByte(Effect):
    _started = False

    async def carry(self, chunk: Chunk, forward: Forward) -> None:
        if not self._started:
            self._started = True
            await self.rest(self.toxic.number("delay") / 1000)
        await forward(chunk)


class Answer(Effect):
    """Holds the head back until it is complete, then `head` changes it; `body` gets everything after it."""

    _head: bytes | None = b""

    def head(self, head: bytes) -> bytes:
        return head

    async def body(self, chunk: Chunk, forward: Forward) -> None:
        await forward(chunk)

    async def carry(self, chunk: Chunk, forward: Forward) -> None:
        if self._head is None:
            await self.body(chunk, forward)
            return
        held = self._head + chunk.data
        head, end, rest = held.partition(END)
        if not end and len(held) <= HEAD_BYTES_MAX and not self.gone:
            self._head = held
            return
        self._head = None
        await forward(replace(chunk, data=self.head(head + end)))
        if rest:
            await self.body(replace(chunk, data=rest), forward)

    async def end(self, forward: Forward) -> None:
        if self._head:
            await forward(Chunk(self._head, 0.0))


class Truncated(Answer):
    _passed = 0

    async def body(self, chunk: Chunk, forward: Forward) -> None:
        left = self.toxic.number("bytes") - self._passed
        self._passed += len(chunk.data)
        if left > 0:
            await forward(replace(chunk, data=chunk.data[:left]))
        if len(chunk.data) > left:
            self.connection.close()


class WrongType(Answer):
    def head(self, head: bytes) -> bytes:
        wanted = str(self.toxic.attributes["content_type"]).encode("ascii")
        without = _TYPE.sub(b"", head)
        return without.replace(END, b"\r\nContent-Type: " + wanted + END, 1) if wanted else without


class StaleClock(Answer):
    """A time that arrives in two pieces is put together first."""

    _tail = b""

    def head(self, head: bytes) -> bytes:
        return _DATED.sub(self._dated, head)

    async def body(self, chunk: Chunk, forward: Forward) -> None:
        data = _ISO.sub(self._iso, self._tail + chunk.data)
        # The last bytes may be the beginning of a time, so they wait a moment; an answer may end in a digit too.
        cut = re.search(rb"\d[\d:T \-]{0,%d}\Z" % (_ISO_BYTES - 2), data)
        keep = cut.start() if cut else len(data)
        self._tail = data[keep:]
        if data[:keep]:
            await forward(replace(chunk, data=data[:keep]))
        if self._tail:
            await self.rest(HELD_S)
            if not self.way.waiting:
                tail, self._tail = self._tail, b""
                await forward(replace(chunk, data=tail))

    async def end(self, forward: Forward) -> None:
        await super().end(forward)
        if self._tail:
            await forward(Chunk(self._tail, 0.0))

    def _iso(self, found: re.Match[bytes]) -> bytes:
        try:
            moment = datetime.fromisoformat(found[0].decode("ascii")) - self._by
        except (ValueError, OverflowError):
            return found[0]
        return moment.isoformat(found[2].decode("ascii"), "seconds").encode("ascii")

    def _dated(self, found: re.Match[bytes]) -> bytes:
        try:
            moment = parsedate_to_datetime(found[2].decode("latin-1")).astimezone(UTC) - self._by
        except (ValueError, OverflowError):
            return found[0]
        return found[1] + format_datetime(moment, usegmt=True).encode("ascii")

    @property
    def _by(self) -> timedelta:
        return timedelta(seconds=self.toxic.number("seconds"))


HTTP: dict[str, type[Effect]] = {
    "slow_first_byte": SlowFirstByte,
    "truncated": Truncated,
    "wrong_type": WrongType,
    "stale_clock": StaleClock,
}
