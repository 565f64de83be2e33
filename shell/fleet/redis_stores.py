"""Shared stores in Redis: last good copies, with which a new process starts warm, and the lease of a probe.

A copy goes from Redis into pages, so it is sealed: whoever else writes to Redis can neither make one, nor put one
player's under another's key, nor make an old one young.

Public: `RedisLastGood`, `RedisLease`, `BodyCodec`.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

import msgspec
from redis.exceptions import RedisError

from bff.contracts.page_head import PageHead
from bff.resilience import log
from bff.resilience.reason import Reason
from bff.resilience.redis_clients import AsyncClient, async_client
from shell.composition.body import Body

_COPY = "shell:copy:2:"  # another number for another shape
_PROBE = "shell:probe:"
GROUP = "shell"  # what only shells keep may stand on another node of a cluster than what is shared
CONNECT_S = 0.05
OPERATION_S = 0.1
_SEAL_BYTES = 32

logger = log.get("fleet")


def connect(redis_url: str) -> AsyncClient:
    """A client whose calls are bounded: a Redis that hangs costs a moment, not a page."""
    return async_client(redis_url, group=GROUP, connect_s=CONNECT_S, answer_s=OPERATION_S)


class RedisLastGood:
    """Bytes by key, sealed with `secret`. Redis computes the age, so that clocks need not agree."""

    def __init__(self, client: AsyncClient, secret: str) -> None:
        self._client = client
        self._key = hashlib.sha256(b"shell.fleet.copies:" + secret.encode()).digest()

    async def get(self, key: str) -> tuple[bytes, float] | None:
        pipe = self._client.pipeline(transaction=False)
        pipe.get(self._client.key(_COPY + key))
        pipe.time()
        stored, (seconds, micros) = await pipe.execute()
        if stored is None:
            return None
        seal, sealed = stored[:_SEAL_BYTES], stored[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(key, sealed)):
            logger.warning("copy_not_sealed_by_this_shell", key=key)
            return None
        stored_at, _, data = sealed.partition(b"\0")
        return data, seconds + micros / 1e6 - float(stored_at)

    async def put(self, key: str, data: bytes, keep_s: int) -> None:
        seconds, micros = await self._client.time()
        sealed = f"{seconds + micros / 1e6:.3f}".encode() + b"\0" + data
        await self._client.set(self._client.key(_COPY + key), self._seal(key, sealed) + sealed, ex=keep_s)

    async def forget(self, keys: Sequence[str]) -> None:
        await self._client.unlink(*(self._client.key(_COPY + key) for key in keys))

    def _seal(self, key: str, sealed: bytes) -> bytes:
        """Over whose copy it is, when it was stored, and all of it: `sealed` holds its lifetimes as well."""
        return hmac.digest(self._key, key.encode() + b"\0" + sealed, "sha256")


class RedisLease:
    """One probe an upstream and interval over all processes, while Redis answers."""

    def __init__(self, client: AsyncClient, *, holder: str) -> None:
        self._client = client
        self._holder = holder

    async def take(self, upstream: str, lease_ms: int) -> bool | None:
        try:
            return bool(await self._client.set(self._client.key(_PROBE + upstream), self._holder, px=lease_ms, nx=True))
        except (RedisError, OSError):
            return None


class _Stored(msgspec.Struct, array_like=True):
    html: bytes
    status: int
    degraded: Reason | None
    as_of: datetime | None
    version_seen: str = ""
    page_head: PageHead | None = None


class BodyCodec:
    """A body as bytes. Only for a second level that seals what it keeps, as `RedisLastGood` does."""

    def dump(self, value: Body) -> bytes:
        return msgspec.msgpack.encode(
            _Stored(value.html, value.status, value.degraded, value.as_of, value.version_seen, value.page_head)
        )

    def load(self, data: bytes) -> Body:
        stored = msgspec.msgpack.decode(data, type=_Stored)
        return Body(
            stored.html,
            stored.status,
            stored.degraded,
            stored.as_of,
            version_seen=stored.version_seen,
            page_head=stored.page_head,
        )
