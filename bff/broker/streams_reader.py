"""One consumer's hold on a stream of Valkey or Redis.

Public: `StreamsReader`, `FIELD`, `stream_key`, `age_s`.
A lease lets one consumer of a group read at a time, which is what Kafka's partitions give for nothing; whoever takes
the lease over claims what its predecessor left unacknowledged, before anything newer. The server counts how often an
event was handed out. Here it is asked to once a consumer: what is in this one's hands is looked up, not taken again.
"""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import msgspec

from bff.broker.poison import batch_size
from bff.broker.port import BrokerUnavailable, Delivery, dead_letter_stream, decode, encode

if TYPE_CHECKING:
    from bff.broker.streams import StreamsBroker

FIELD = b"event"

# KEYS lease · ARGV consumer, milliseconds -> 2 taken, 1 renewed, 0 held by another
_LEASE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return holder and 1 or 2
"""

# KEYS lease, stream · ARGV consumer, group, then the place of each event in hand and how many died over it
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 3, #ARGV, 2 do
  redis.call('XCLAIM', KEYS[2], ARGV[2], ARGV[1], 0, ARGV[i], 'RETRYCOUNT', ARGV[i + 1], 'JUSTID')
end
return redis.call('DEL', KEYS[1])
"""


def stream_key(stream: str, partition: int = 0) -> str:
    """Where a partition of `stream` is kept: each is a stream of the server, and the first has the bare name."""
    return f"stream:{stream}.{partition}" if partition else f"stream:{stream}"


class StreamsReader:
    """See `bff.broker.port.Reader`."""

    def __init__(self, broker: "StreamsBroker", stream: str, group: str, consumer: str, partition: int) -> None:
        self._broker = broker
        self._server, key = broker.client(stream, partition), stream_key(stream, partition)
        self._stream, self._key = stream, self._server.key(key)
        self._group, self._consumer = group, consumer
        self._lease = self._server.key(f"lease:{key}:{group}")
        self.leading = False
        self._renewed = 0.0
        self._cursor: str | None = None  # set while events handed out before are being read again
        self._hand: dict[bytes, int] = {}  # taken and not acknowledged -> how many consumers took it

    def __repr__(self) -> str:
        return f"<StreamsReader {self._key} {self._group}/{self._consumer} {'reads' if self.leading else 'waits'}>"

    async def fetch(self) -> list[Delivery]:
        policy = self._broker.policy
        try:
            if not await self._lead():
                await asyncio.sleep(policy.block_ms / 1000)
                return []
            if self._cursor is not None:
                rows, now, tries = await self._unacknowledged_after(self._cursor)
                if rows:
                    self._cursor = rows[-1][0].decode()
                    return await self._deliver(rows, now, tries)
                self._cursor = None
            rows, now = await self._read(">", policy.batch_events_max, min(policy.block_ms, policy.lease_ms // 3))
            return await self._deliver(rows, now, {at: 1 for at, _ in rows})
        except BrokerUnavailable as error:
            # A store that was flushed or restarted knows neither the group nor who led it.
            self.leading = False
            if "NOGROUP" in str(error):
                self._hand.clear()
                return []
            raise

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            await self._broker.pipeline(
                self._server, [("XACK", self._key, self._group, *(each.at for each in deliveries))]
            )
            self._let_go(each.at.encode() for each in deliveries)

    async def dead_letter(self, delivery: Delivery, why: str) -> None:
        await self._dead_letter(delivery.at.encode(), encode(delivery.event), why)

    async def redeliver(self) -> None:
        self._cursor = "0"

    async def aclose(self) -> None:
        if self.leading:
            self.leading = False
            alive = [word for at, tries in self._hand.items() for word in (at, tries - 1)]
            release = ("EVAL", _RELEASE, 2, self._lease, self._key, self._consumer, self._group, *alive)
            await self._broker.pipeline(self._server, [release])

    async def _lead(self) -> bool:
        policy, now = self._broker.policy, self._broker.clock()
        if self.leading and now - self._renewed < policy.lease_ms / 3000:
            return True
        [held] = await self._broker.pipeline(
            self._server, [("EVAL", _LEASE, 1, self._lease, self._consumer, policy.lease_ms)]
        )
        if held and (held == 2 or not self.leading):
            await self._take_over()
        self.leading, self._renewed = bool(held), now
        return self.leading

    async def _take_over(self) -> None:
        try:
            await self._broker.pipeline(self._server, [("XGROUP", "CREATE", self._key, self._group, "0", "MKSTREAM")])
        except BrokerUnavailable as error:
            if "BUSYGROUP" not in str(error):
                raise
        start = b"0-0"
        while True:
            claim = ("XAUTOCLAIM", self._key, self._group, self._consumer, 0, start, "COUNT", 1000, "JUSTID")
            [answer] = await self._broker.pipeline(self._server, [claim])
            start = answer[0]
            if start == b"0-0":
                break
        self._cursor = "0"

    async def _unacknowledged_after(self, after: str) -> tuple[list[Any], Any, dict[bytes, int]]:
        """What was taken after that place and not acknowledged, and by how many consumers each; empty at its end."""
        start = "-" if after == "0" else f"({after}"
        ask = ("XPENDING", self._key, self._group, start, "+", self._broker.policy.batch_events_max, self._consumer)
        [pending] = await self._broker.pipeline(self._server, [ask])
        tries = {at: count for at, _, _, count in pending}
        if held := list(takewhile(self._hand.__contains__, tries)):
            *found, now = await self._broker.pipeline(
                self._server, [*(("XRANGE", self._key, at, at) for at in held), ("TIME",)]
            )
            return [(at, rows[0][1] if rows else None) for at, rows in zip(held, found, strict=True)], now, tries
        if not tries:
            return [], None, {}
        count = batch_size(list(tries.values()))
        taken = {at: tries[at] + 1 for at in list(tries)[:count]}
        self._hand |= taken  # already here: an answer that is lost on the way must not count the next time
        rows, now = await self._read(after, count)
        return rows, now, taken

    async def _read(self, start: str, count: int, blocking_ms: int = 0) -> tuple[list[Any], Any]:
        block = ("BLOCK", blocking_ms) if blocking_ms else ()
        group = ("XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", count)
        read = (*group, *block, "STREAMS", self._key, start)
        answer, now = await self._broker.pipeline(self._server, [read, ("TIME",)], blocking_ms=blocking_ms)
        return (answer[0][1] if answer else []), now

    async def _deliver(self, rows: list[Any], now: Any, tries: dict[bytes, int]) -> list[Delivery]:
        self._hand |= {at: tries[at] for at, _ in rows}
        deliveries = []
        for at, fields in rows:
            raw = dict(zip(fields[::2], fields[1::2], strict=True)).get(FIELD) if fields else None
            if raw is None:  # trimmed away after it was handed out; its position is missing, which tells
                await self._broker.pipeline(self._server, [("XACK", self._key, self._group, at)])
                self._let_go([at])
                continue
            if tries[at] > self._broker.policy.attempts_max:
                await self._dead_letter(at, raw, f"{tries[at] - 1} consumers took it and died")
                continue
            try:
                event = decode(raw)
            except msgspec.DecodeError as error:
                await self._dead_letter(at, raw, f"not an event: {error}")
                continue
            deliveries.append(Delivery(at.decode(), event, tries[at], age_s(at, now)))
        return deliveries

    async def _dead_letter(self, at: bytes, raw: bytes, why: str) -> None:
        bound = ("MAXLEN", "~", self._broker.policy.dead_events_max)
        letters_of = dead_letter_stream(self._stream)
        letters = self._broker.client(letters_of)
        key = letters.key(stream_key(letters_of))
        keep = ("XADD", key, *bound, "*", FIELD, raw, "why", why, "at", at)
        done = ("XACK", self._key, self._group, at)
        if letters is self._server:
            await self._broker.pipeline(letters, [keep, done], atomic=True)
        else:
            # Two servers have no transaction: a letter that is there twice tells more than one that is lost.
            await self._broker.pipeline(letters, [keep])
            await self._broker.pipeline(self._server, [done])
        self._let_go([at])

    def _let_go(self, places: Iterable[bytes]) -> None:
        for at in places:
            self._hand.pop(at, None)


def age_s(at: bytes, clock: list[bytes]) -> float:
    """Seconds from the place `at` to the server's time."""
    return max(0.0, int(clock[0]) + int(clock[1]) / 1_000_000 - int(at.split(b"-")[0]) / 1000)
