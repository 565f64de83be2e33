"""The broker on Valkey or Redis Streams.

Public: `StreamsBroker`.
One stream is one ordered log. A lease lets one consumer of a group read at a time, which is what Kafka's partitions
give for nothing; whoever takes the lease over claims what its predecessor left unacknowledged, before anything newer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from bff.broker.policy import BrokerPolicy
from bff.broker.port import BrokerUnavailable, Delivery, Lag, decode, encode
from bff.contracts.event import Event

T = TypeVar("T")

_FIELD = b"event"

# KEYS lease · ARGV consumer, milliseconds -> 2 taken, 1 renewed, 0 held by another
_LEASE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return holder and 1 or 2
"""

# KEYS lease · ARGV consumer
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


def dead_letter(stream: str) -> str:
    """Where the buried events of `stream` are kept."""
    return f"{stream}.dead"


def _key(stream: str) -> str:
    return f"stream:{stream}"


class StreamsBroker:
    """Opens no connection until the first call."""

    def __init__(self, url: str, policy: BrokerPolicy, clock: Callable[[], float] = time.monotonic) -> None:
        self.policy = policy
        self.clock = clock
        # The limit of a call is total and ours, so the client keeps no time-outs and no retries of its own.
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=32,
            timeout=None,
            socket_connect_timeout=policy.connect_ms / 1000,
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
        self._client: Redis = Redis(connection_pool=pool)
        # The client parses answers by the command's name and trips over the longer forms used here.
        self._client.response_callbacks.clear()

    def __repr__(self) -> str:
        return "<StreamsBroker>"

    async def run(self, call: Callable[[Redis], Awaitable[T]], *, blocking_ms: int = 0) -> T:
        """The answer of `call`, or `BrokerUnavailable` after `op_ms` on top of what the call may block."""
        try:
            async with asyncio.timeout((self.policy.op_ms + blocking_ms) / 1000):
                return await call(self._client)
        except (RedisError, OSError, TimeoutError) as error:
            raise BrokerUnavailable(f"{type(error).__name__}: {error}".rstrip(": ")) from error

    async def pipeline(
        self, commands: Sequence[tuple[Any, ...]], *, atomic: bool = False, blocking_ms: int = 0
    ) -> list[Any]:
        """The answers to `commands` in one round trip; an error answer is raised as `BrokerUnavailable`."""

        async def send(client: Redis) -> list[Any]:
            async with client.pipeline(transaction=atomic) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                return await pipe.execute()

        return await self.run(send, blocking_ms=blocking_ms)

    async def publish(self, stream: str, events: Sequence[Event]) -> None:
        bound = ("MAXLEN", "~", self.policy.stream_events_max)
        for start in range(0, len(events), self.policy.batch_events_max):
            batch = events[start : start + self.policy.batch_events_max]
            commands = [("XADD", _key(stream), *bound, "*", _FIELD, encode(event)) for event in batch]
            await self.pipeline(commands, atomic=True)

    def reader(self, stream: str, group: str, consumer: str) -> "StreamsReader":
        return StreamsReader(self, stream, group, consumer)

    async def lag(self, stream: str, group: str) -> Lag:
        key = _key(stream)
        try:
            [groups] = await self.pipeline([("XINFO", "GROUPS", key)])
        except BrokerUnavailable as error:
            if isinstance(error.__cause__, ResponseError):  # no such stream
                return Lag(0, 0.0)
            raise
        known = [dict(zip(each[::2], each[1::2], strict=True)) for each in groups]
        mine = next((each for each in known if each[b"name"] == group.encode()), None)
        if mine is None:
            length, rows, clock = await self.pipeline([("XLEN", key), ("XRANGE", key, "-", "+", "COUNT", 1), ("TIME",)])
            return Lag(length, _age_s(rows[0][0], clock) if rows else 0.0)
        pending, rows, clock = await self.pipeline(
            [
                ("XPENDING", key, group),
                (
                    "XRANGE",
                    key,
                    b"(" + mine[b"last-delivered-id"],
                    "+",
                    "COUNT",
                    1 if mine[b"lag"] is not None else 10_000,
                ),
                ("TIME",),
            ]
        )
        # The server does not know its own lag after some trims; then what is left is counted.
        waiting = mine[b"lag"] if mine[b"lag"] is not None else len(rows)
        oldest = pending[1] or (rows[0][0] if rows else None)
        return Lag(pending[0] + waiting, _age_s(oldest, clock) if oldest else 0.0)

    async def dead(self, stream: str, *, newest: int = 100) -> list[tuple[bytes, str]]:
        [rows] = await self.pipeline([("XREVRANGE", _key(dead_letter(stream)), "+", "-", "COUNT", newest)])
        buried = [dict(zip(fields[::2], fields[1::2], strict=True)) for _, fields in rows]
        return [(each[_FIELD], each[b"why"].decode()) for each in buried]

    async def aclose(self) -> None:
        await self._client.aclose(close_connection_pool=True)


class StreamsReader:
    """See `bff.broker.port.Reader`."""

    def __init__(self, broker: StreamsBroker, stream: str, group: str, consumer: str) -> None:
        self._broker = broker
        self._stream, self._key = stream, _key(stream)
        self._group, self._consumer = group, consumer
        self._lease = f"lease:{self._key}:{group}"
        self.leading = False
        self._renewed = 0.0
        self._cursor: str | None = None  # set while events handed out before are being read again

    def __repr__(self) -> str:
        return f"<StreamsReader {self._stream} {self._group}/{self._consumer} {'reads' if self.leading else 'waits'}>"

    async def fetch(self) -> list[Delivery]:
        policy = self._broker.policy
        try:
            if not await self._lead():
                await asyncio.sleep(policy.block_ms / 1000)
                return []
            if self._cursor is not None:
                rows, now = await self._read(self._cursor)
                if rows:
                    self._cursor = rows[-1][0].decode()
                    return await self._deliver(rows, now, await self._attempts(rows))
                self._cursor = None
            rows, now = await self._read(">", blocking_ms=min(policy.block_ms, policy.lease_ms // 3))
            return await self._deliver(rows, now, {})
        except BrokerUnavailable as error:
            # A store that was flushed or restarted knows neither the group nor who led it.
            self.leading = False
            if "NOGROUP" in str(error):
                return []
            raise

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            await self._broker.pipeline([("XACK", self._key, self._group, *(each.at for each in deliveries))])

    async def bury(self, delivery: Delivery, why: str) -> None:
        await self._bury(delivery.at, encode(delivery.event), why)

    async def again(self) -> None:
        self._cursor = "0"

    async def aclose(self) -> None:
        if self.leading:
            self.leading = False
            await self._broker.pipeline([("EVAL", _RELEASE, 1, self._lease, self._consumer)])

    async def _lead(self) -> bool:
        policy, now = self._broker.policy, self._broker.clock()
        if self.leading and now - self._renewed < policy.lease_ms / 3000:
            return True
        [held] = await self._broker.pipeline([("EVAL", _LEASE, 1, self._lease, self._consumer, policy.lease_ms)])
        if held and (held == 2 or not self.leading):
            await self._take_over()
        self.leading, self._renewed = bool(held), now
        return self.leading

    async def _take_over(self) -> None:
        try:
            await self._broker.pipeline([("XGROUP", "CREATE", self._key, self._group, "0", "MKSTREAM")])
        except BrokerUnavailable as error:
            if "BUSYGROUP" not in str(error):
                raise
        start = b"0-0"
        while True:
            claim = ("XAUTOCLAIM", self._key, self._group, self._consumer, 0, start, "COUNT", 1000, "JUSTID")
            [answer] = await self._broker.pipeline([claim])
            start = answer[0]
            if start == b"0-0":
                break
        self._cursor = "0"

    async def _read(self, start: str, *, blocking_ms: int = 0) -> tuple[list[Any], Any]:
        block = ("BLOCK", blocking_ms) if blocking_ms else ()
        count = ("COUNT", self._broker.policy.batch_events_max)
        read = ("XREADGROUP", "GROUP", self._group, self._consumer, *count, *block, "STREAMS", self._key, start)
        answer, now = await self._broker.pipeline([read, ("TIME",)], blocking_ms=blocking_ms)
        return (answer[0][1] if answer else []), now

    async def _attempts(self, rows: list[Any]) -> dict[bytes, int]:
        first, last = rows[0][0], rows[-1][0]
        ask = ("XPENDING", self._key, self._group, first, last, len(rows), self._consumer)
        [pending] = await self._broker.pipeline([ask])
        return {at: tries for at, _, _, tries in pending}

    async def _deliver(self, rows: list[Any], now: Any, attempts: dict[bytes, int]) -> list[Delivery]:
        deliveries = []
        for at, fields in rows:
            raw = dict(zip(fields[::2], fields[1::2], strict=True)).get(_FIELD) if fields else None
            tries = attempts.get(at, 1)
            if raw is None:  # trimmed away after it was handed out; its position is missing, which tells
                await self._broker.pipeline([("XACK", self._key, self._group, at)])
                continue
            if tries > self._broker.policy.attempts_max:
                await self._bury(at.decode(), raw, f"handed out {tries} times and never acknowledged")
                continue
            try:
                event = decode(raw)
            except msgspec.DecodeError as error:
                await self._bury(at.decode(), raw, f"not an event: {error}")
                continue
            deliveries.append(Delivery(at.decode(), event, tries, _age_s(at, now)))
        return deliveries

    async def _bury(self, at: str, raw: bytes, why: str) -> None:
        grave, bound = _key(dead_letter(self._stream)), ("MAXLEN", "~", self._broker.policy.dead_events_max)
        keep = ("XADD", grave, *bound, "*", _FIELD, raw, "why", why, "at", at)
        await self._broker.pipeline([keep, ("XACK", self._key, self._group, at)], atomic=True)


def _age_s(at: bytes, clock: list[bytes]) -> float:
    return max(0.0, int(clock[0]) + int(clock[1]) / 1_000_000 - int(at.split(b"-")[0]) / 1000)
