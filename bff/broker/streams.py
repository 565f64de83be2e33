"""The broker on Valkey or Redis Streams.

Public: `StreamsBroker`.
One stream is one ordered log; who may read it at a moment, and what comes again, is its reader's business.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from redis.exceptions import RedisError, ResponseError

from bff.broker.policy import BrokerPolicy
from bff.broker.port import BrokerUnavailable, Lag, dead_letter_stream, encode
from bff.broker.streams_reader import FIELD, StreamsReader, age_s, stream_key
from bff.contracts.event import Event
from bff.resilience.redis_address import read_address
from bff.resilience.redis_clients import AsyncClient, async_client

T = TypeVar("T")


class StreamsBroker:
    """Opens no connection until the first call."""

    def __init__(self, url: str, policy: BrokerPolicy, clock: Callable[[], float] = time.monotonic) -> None:
        self.policy = policy
        self.clock = clock
        self._url = url
        self._clustered = read_address(url).found_by == "cluster"
        self._clients: dict[str, AsyncClient] = {}

    def __repr__(self) -> str:
        return "<StreamsBroker>"

    def client(self, stream: str, partition: int = 0) -> AsyncClient:
        """The client of the server that holds `partition` of `stream`; in a cluster each may be on another node."""
        group = stream_key(stream, partition) if self._clustered else ""
        if group not in self._clients:
            # The limit of a call is total and ours, so the client has no time-out of its own beside that of connecting.
            connect_s = self.policy.connect_ms / 1000
            client = async_client(self._url, group=group, connections_max=32, connect_s=connect_s, answer_s=None)
            # The client parses answers by the command's name and trips over the longer forms used here.
            client.response_callbacks.clear()
            self._clients[group] = client
        return self._clients[group]

    async def run(self, call: Callable[[], Awaitable[T]], *, blocking_ms: int = 0) -> T:
        """The answer of `call`, or `BrokerUnavailable` after `op_ms` on top of what the call may block."""
        try:
            async with asyncio.timeout((self.policy.op_ms + blocking_ms) / 1000):
                return await call()
        except (RedisError, OSError, TimeoutError) as error:
            raise BrokerUnavailable(f"{type(error).__name__}: {error}".rstrip(": ")) from error

    async def pipeline(
        self, client: AsyncClient, commands: Sequence[tuple[Any, ...]], *, atomic: bool = False, blocking_ms: int = 0
    ) -> list[Any]:
        """The answers to `commands` in one round trip; an error answer is raised as `BrokerUnavailable`."""

        async def send() -> list[Any]:
            async with client.pipeline(transaction=atomic) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                return await pipe.execute()

        return await self.run(send, blocking_ms=blocking_ms)

    async def publish(self, stream: str, events: Sequence[Event], *, partition: int = 0) -> None:
        bound, client = ("MAXLEN", "~", self.policy.stream_events_max), self.client(stream, partition)
        key = client.key(stream_key(stream, partition))
        for start in range(0, len(events), self.policy.batch_events_max):
            batch = events[start : start + self.policy.batch_events_max]
            commands = [("XADD", key, *bound, "*", FIELD, encode(event)) for event in batch]
            await self.pipeline(client, commands, atomic=True)

    async def prepare(self, stream: str, partitions: int) -> None:
        """A stream of the server begins with its first event."""

    def reader(self, stream: str, group: str, consumer: str, *, partition: int | None = None) -> StreamsReader:
        return StreamsReader(self, stream, group, consumer, partition or 0)

    async def lag(self, stream: str, group: str, *, partition: int = 0) -> Lag:
        client = self.client(stream, partition)
        key = client.key(stream_key(stream, partition))
        try:
            [groups] = await self.pipeline(client, [("XINFO", "GROUPS", key)])
        except BrokerUnavailable as error:
            if isinstance(error.__cause__, ResponseError):  # no such stream
                return Lag(0, 0.0)
            raise
        groups_found = [dict(zip(each[::2], each[1::2], strict=True)) for each in groups]
        mine = next((each for each in groups_found if each[b"name"] == group.encode()), None)
        if mine is None:
            length, rows, clock = await self.pipeline(
                client, [("XLEN", key), ("XRANGE", key, "-", "+", "COUNT", 1), ("TIME",)]
            )
            return Lag(length, age_s(rows[0][0], clock) if rows else 0.0)
        length, pending, rows, clock = await self.pipeline(
            client,
            [
                ("XLEN", key),
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
            ],
        )
        # After some trims the server does not know its own lag; then what is left is counted. After others it counts
        # what was cut as waiting still; no more waits than is there, and nothing where nothing follows.
        waiting = min(mine[b"lag"] if mine[b"lag"] is not None else len(rows), length) if rows else 0
        oldest = pending[1] or (rows[0][0] if rows else None)
        return Lag(pending[0] + waiting, age_s(oldest, clock) if oldest else 0.0)

    async def dead_letters(self, stream: str, *, newest: int = 100) -> list[tuple[bytes, str]]:
        letters_of = dead_letter_stream(stream)
        client = self.client(letters_of)
        [rows] = await self.pipeline(
            client, [("XREVRANGE", client.key(stream_key(letters_of)), "+", "-", "COUNT", newest)]
        )
        letters = [dict(zip(fields[::2], fields[1::2], strict=True)) for _, fields in rows]
        return [(each[FIELD], each[b"why"].decode()) for each in letters]

    async def aclose(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose(close_connection_pool=True)
