"""The one place that makes clients of Valkey or Redis, whatever stands in the address.

Public: `async_client`, `blocking_client`, `AsyncClient`, `BlockingClient`.

Limits are the caller's: a client tries once, waits as long as it is told, and has no push protocol. On a cluster a
client speaks to the one node that holds the keys of `group`, so pipelines, transactions, scripts and subscriptions go
as they go on one server; its keys have to be made by its `key`.
"""

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from bff.resilience.redis_address import SHARED, RedisAddress, read_address
from bff.resilience.redis_connection import follow_primary
from bff.resilience.redis_primary import NODE_S, Primary


class _Keys:
    _address: RedisAddress
    _group: str

    def key(self, name: str) -> str:
        """What `name` is called here, so that it stands with all others of this client."""
        return self._address.key(name, group=self._group)


class AsyncClient(_Keys, redis.asyncio.Redis):  # type: ignore[misc]  # redis-py's own bases differ
    def __init__(self, pool: redis.asyncio.ConnectionPool, address: RedisAddress, group: str) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True  # nobody else has these connections
        self._address, self._group = address, group


class BlockingClient(_Keys, redis.Redis):
    def __init__(self, pool: redis.ConnectionPool, address: RedisAddress, group: str) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True  # nobody else has these connections
        self._address, self._group = address, group


def async_client(
    url: str,
    *,
    group: str = SHARED,
    connections_max: int | None = None,
    connect_s: float | None,
    answer_s: float | None,
) -> AsyncClient:
    """A client for asyncio; with `connections_max` whoever finds them all in use waits. Does no I/O.

    ValueError for an address that is none.
    """
    address = read_address(url)
    options = {
        "socket_connect_timeout": connect_s,
        "socket_timeout": answer_s,
        "retry": AsyncRetry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
    }
    if connections_max is None:
        pool = redis.asyncio.ConnectionPool.from_url(address.server, **options)
    else:
        limits = {"max_connections": connections_max, "timeout": None}
        pool = redis.asyncio.BlockingConnectionPool.from_url(address.server, **limits, **options)
    return AsyncClient(follow_primary(pool, _primary(address, group, connect_s)), address, group)


def blocking_client(url: str, *, group: str = SHARED, connect_s: float, answer_s: float) -> BlockingClient:
    """A client for threads. Does no I/O. ValueError for an address that is none."""
    address = read_address(url)
    pool = redis.ConnectionPool.from_url(
        address.server,
        socket_connect_timeout=connect_s,
        socket_timeout=answer_s,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
    )
    return BlockingClient(follow_primary(pool, _primary(address, group, connect_s)), address, group)


def _primary(address: RedisAddress, group: str, connect_s: float | None) -> Primary | None:
    """Each node that is asked for the primary gets half of the time to connect."""
    node_s = max(NODE_S, (connect_s or 0) / 2)
    return Primary(address, address.key("", group=group), node_s=node_s) if address.found_by else None
