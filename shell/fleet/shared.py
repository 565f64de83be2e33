"""Kept in Redis for every process: last good copies for the next one to start warm, and the lease of a probe.

Public: `RedisCopies`, `RedisLease`, `BodyCodec`.
"""

import hashlib
import hmac
from datetime import datetime

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bff.resilience.reason import Reason
from shell.composition.body import Body

_COPY = "shell:copy:"
_PROBE = "shell:probe:"
CONNECT_S = 0.05
OPERATION_S = 0.1


def connect(redis_url: str) -> Redis:
    """A client whose calls are bounded: a Redis that hangs costs a moment, not a page."""
    return Redis.from_url(redis_url, socket_connect_timeout=CONNECT_S, socket_timeout=OPERATION_S)


class RedisCopies:
    """Bytes by key. The age is told by Redis, so that no two clocks have to agree."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def get(self, key: str) -> tuple[bytes, float] | None:
        pipe = self._client.pipeline(transaction=False)
        pipe.get(_COPY + key)
        pipe.time()
        data, (seconds, micros) = await pipe.execute()
        if data is None:
            return None
        stored_at, _, body = data.partition(b"\0")
        return body, seconds + micros / 1e6 - float(stored_at)

    async def put(self, key: str, data: bytes, keep_s: int) -> None:
        if keep_s <= 0:
            await self._client.delete(_COPY + key)
            return
        seconds, micros = await self._client.time()
        await self._client.set(_COPY + key, f"{seconds + micros / 1e6:.3f}".encode() + b"\0" + data, ex=keep_s)


class RedisLease:
    """One probe an upstream and interval over all processes, while Redis answers."""

    def __init__(self, client: Redis, *, holder: str) -> None:
        self._client = client
        self._holder = holder

    async def take(self, upstream: str, lease_ms: int) -> bool | None:
        try:
            return bool(await self._client.set(_PROBE + upstream, self._holder, px=lease_ms, nx=True))
        except (RedisError, OSError):
            return None


class _Stored(msgspec.Struct, array_like=True):
    html: bytes
    status: int
    said: Reason | None
    as_of: datetime | None


class BodyCodec:
    """A body as bytes, signed: what comes back out of Redis goes into pages, so nobody else may have written it."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"shell.fleet.copies:" + secret.encode()).digest()

    def dump(self, value: Body) -> bytes:
        data = msgspec.msgpack.encode(_Stored(value.html, value.status, value.said, value.as_of))
        return self._mark(data) + data

    def load(self, data: bytes) -> Body:
        mark, body = data[:32], data[32:]
        if not hmac.compare_digest(mark, self._mark(body)):
            raise ValueError("a kept copy is not signed by this shell")
        stored = msgspec.msgpack.decode(body, type=_Stored)
        return Body(stored.html, stored.status, stored.said, stored.as_of)

    def _mark(self, data: bytes) -> bytes:
        return hmac.digest(self._key, data, "sha256")
