"""Connections to Valkey or Redis: each finds its primary, and says in redis-py's own words that it was lost.

Public: `follow_primary`, `CLUSTER_REFUSED`.

Writing to a transport that was reset is ConnectionResetError in the loop of asyncio itself, and redis-py
translates it. uvloop says RuntimeError ("the handler is closed") there: it passes every border that translates
RedisError and OSError, and ends the task behind it.

A server that is not the primary, or not of this slot, says so over a connection that is well. Such a connection is
closed: the next one is led to whoever is the primary by then.
"""

from typing import Any, TypeVar

import redis.asyncio
from redis.exceptions import AskError, ClusterCrossSlotError, ClusterDownError, ReadOnlyError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError

from bff.resilience.redis_primary import Primary

Pool = TypeVar("Pool", redis.asyncio.ConnectionPool, redis.ConnectionPool)

_OF_A_CLUSTER = (AskError, ClusterCrossSlotError, ClusterDownError, TryAgainError)  # a MovedError is an AskError
CLUSTER_REFUSED = (
    "REDIS_URL or BROKER_URL leads to a node of a cluster, and names it as if it were one primary. A cluster is "
    "written cluster://host:port[,host:port]"
)


def follow_primary(pool: Pool, primary: Primary | None) -> Pool:
    """`pool`, whose connections are these; where `primary` is given, it says where each leads."""
    kind = pool.connection_class
    ours = _Async if isinstance(pool, redis.asyncio.ConnectionPool) else _Blocking
    pool.connection_class = type(kind.__name__, (ours, kind), {"primary": primary})
    return pool


class _Ours:
    primary: Primary | None
    host: str
    port: int

    def _connection_error(self, error: Exception) -> RedisConnectionError:
        """What to say, once this connection is closed."""
        if self.primary is None:
            of_a_cluster = isinstance(error, _OF_A_CLUSTER)
            return RedisConnectionError(f"{CLUSTER_REFUSED}: {error}" if of_a_cluster else f"no primary: {error}")
        self.primary.mistaken((self.host, self.port))
        return RedisConnectionError(f"{self.host}:{self.port} is not the primary, or not yet: {error}")


class _Async(_Ours):
    async def _connect(self) -> None:
        if self.primary is None:
            await super()._connect()  # type: ignore[misc]  # of the kind that is dressed
            return
        self.host, self.port = await self.primary.find_async()
        try:
            await super()._connect()  # type: ignore[misc]
        except BaseException:
            self.primary.mistaken((self.host, self.port))
            raise

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        await super().on_connect_check_health(check_health=check_health)  # type: ignore[misc]
        if self.primary is not None and self.primary.address.found_by == "sentinel":
            await self.send_command("ROLE", check_health=False)  # type: ignore[attr-defined]
            _check_role(await super().read_response(), self)  # type: ignore[misc]

    async def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        try:
            await super().send_packed_command(*arguments, **options)  # type: ignore[misc]
        except RuntimeError as error:
            raise RedisConnectionError(f"the connection was reset: {error}") from error

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*arguments, **options)  # type: ignore[misc]
        except (*_OF_A_CLUSTER, ReadOnlyError) as error:
            await self.disconnect()  # type: ignore[attr-defined]
            raise self._connection_error(error) from error


class _Blocking(_Ours):
    def _connect(self) -> Any:
        if self.primary is None:
            return super()._connect()  # type: ignore[misc]
        self.host, self.port = self.primary.find()
        try:
            return super()._connect()  # type: ignore[misc]
        except BaseException:
            self.primary.mistaken((self.host, self.port))
            raise

    def on_connect_check_health(self, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health=check_health)  # type: ignore[misc]
        if self.primary is not None and self.primary.address.found_by == "sentinel":
            self.send_command("ROLE", check_health=False)  # type: ignore[attr-defined]
            _check_role(super().read_response(), self)  # type: ignore[misc]

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().read_response(*arguments, **options)  # type: ignore[misc]
        except (*_OF_A_CLUSTER, ReadOnlyError) as error:
            self.disconnect()  # type: ignore[attr-defined]
            raise self._connection_error(error) from error


def _check_role(answer: Any, connection: _Ours) -> None:
    """A Sentinel that was cut off may name a server that has become a replica, so the server itself is asked for its
    role.
    """
    if answer[0] not in (b"master", "master"):
        error = RedisConnectionError(
            f"{connection.host}:{connection.port} is a replica, and Sentinel named it as primary"
        )
        raise connection._connection_error(error)
