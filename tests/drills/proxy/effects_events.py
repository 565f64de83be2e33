"""Effects on a broker's events that are kept in streams of Valkey or Redis.

Public: `EVENTS`.

A broker that delivers at least once may repeat events in two ways. Downstream a reader is given the same entry again,
as happens when its predecessor died before it acknowledged. Upstream an entry is added again, as by a writer that lost
the answer: then the event has two places in the stream.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from tests.drills.proxy.effects import Effect, Forward
from tests.drills.proxy.resp import NotResp, Value, command, value_at
from tests.drills.proxy.way import Chunk

HELD_BYTES_MAX = 1 << 20
_PLACE = re.compile(rb"\d+-\d+")
# The first bytes after the fault begins may belong to an older value: parsing begins at one of these bytes.
_BEGINS = re.compile(rb"[*%~>]\d{1,6}\r\n[*%~>$+:_,#(-]|\*0\r\n|[*$]-1\r\n|\+[A-Z]+\r\n|:-?\d+\r\n|-[A-Z]+ |_\r\n")
# One command replaces the original, so that the client still gets one answer: the place of the last entry.
_ADD = b"local at for _ = 1, ARGV[1] do at = redis.call('XADD', KEYS[1], unpack(ARGV, 2)) end return at"


class DuplicateEvent(Effect):
    """Counts one hit for each connection on which an event was delivered or added more than once."""

    on_messages = False
    _held = b""
    _follows = False

    def passes(self) -> None:
        """Counts no hit here: most bytes carry no event; `carry` counts those that do."""

    def stop(self) -> None:
        super().stop()
        if self._held:
            # A value is incomplete, so the reader has to wait for the rest.
            self.connection.close_soon()

    async def carry(self, chunk: Chunk, forward: Forward) -> None:
        data, self._held = self._held + chunk.data, b""
        if self.gone or not (self._follows or _BEGINS.match(data)):
            await forward(replace(chunk, data=data))
            return
        made, rest = self._repeated(data)
        if len(rest) > HELD_BYTES_MAX:
            made, rest, self._follows = made + rest, b"", False
        self._held = rest
        if made:
            await forward(replace(chunk, data=made))

    async def end(self, forward: Forward) -> None:
        if self._held:
            held, self._held = self._held, b""
            await forward(Chunk(held, 0.0))

    def _repeated(self, data: bytes) -> tuple[bytes, bytes]:
        """All complete values with their events repeated, and the beginning of the next value."""
        made, at, self._follows = b"", 0, True
        change = self._added if self.toxic.stream == "upstream" else self._delivered
        while at < len(data):
            try:
                value = value_at(data, at)
            except NotResp:
                self._follows = False
                return made + data[at:], b""
            if value is None:
                break
            changed = change(data, value)
            if changed is not None:
                self.hit()
            made += value.of(data) if changed is None else changed
            at = value.end
        return made, data[at:]

    def _added(self, data: bytes, value: Value) -> bytes | None:
        """An XADD with an id chosen by the server, repeated; None for any other command."""
        words = [item.text(data) for item in value.items]
        if len(words) < 5 or words[0].upper() != b"XADD" or b"*" not in words[2:-2]:
            return None
        times = str(self._times).encode()
        return command([b"EVAL", _ADD, b"1", words[1], times, *words[2:]])

    def _delivered(self, data: bytes, value: Value) -> bytes | None:
        """The answer to a reader with each entry repeated; None for any other answer."""
        streams = [*_streams(value)]
        if not streams or not all(_are_entries(data, rows) for _, rows in streams):
            return None
        made, at = b"", value.begin
        for _, rows in streams:
            made += data[at : rows.begin] + b"*%d\r\n" % (len(rows.items) * self._times)
            made += b"".join(item.of(data) * self._times for item in rows.items)
            at = rows.end
        return made + data[at : value.end]

    @property
    def _times(self) -> int:
        return 1 + self.toxic.number("copies")


def _streams(value: Value) -> Iterator[tuple[Value, Value]]:
    """Name and entries of each stream in an answer to XREAD or XREADGROUP; None for any other answer."""
    if value.is_map:
        yield from zip(value.items[::2], value.items[1::2], strict=True)
    elif value.is_list and all(item.is_list and len(item.items) == 2 for item in value.items):
        for item in value.items:
            yield item.items[0], item.items[1]


def _are_entries(data: bytes, rows: Value) -> bool:
    return (
        rows.is_list
        and bool(rows.items)
        and all(
            row.is_list and len(row.items) == 2 and _PLACE.fullmatch(row.items[0].text(data)) is not None
            for row in rows.items
        )
    )


EVENTS: dict[str, type[Effect]] = {"duplicate_event": DuplicateEvent}
