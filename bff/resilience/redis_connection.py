"""Connections to Redis or Valkey that were reset say so in redis-py's own words, under every event loop; those to a
node of a cluster say that it is one.

Public: `translate_closed_transport`.

Writing to a transport that was reset is ConnectionResetError in the loop of asyncio itself, and redis-py
translates it. uvloop says RuntimeError ("the handler is closed") there: it passes every border that translates
RedisError and OSError, and ends the task behind it.
"""

from typing import Any, TypeVar

from redis.asyncio.connection import ConnectionPool
from redis.exceptions import AskError, ClusterCrossSlotError, ClusterDownError
from redis.exceptions import ConnectionError as RedisConnectionError

Pool = TypeVar("Pool", bound=ConnectionPool)

_OF_A_CLUSTER = (AskError, ClusterCrossSlotError, ClusterDownError)  # a MovedError is an AskError
CLUSTER_REFUSED = (
    "REDIS_URL or BROKER_URL leads to a node of a cluster, and a store here is one primary. Give the address of one "
    "(with replicas: the address that follows the primary)"
)


def translate_closed_transport(pool: Pool) -> Pool:
    """`pool`, whose connections raise redis-py's ConnectionError where uvloop's transport is closed."""
    kind = pool.connection_class
    pool.connection_class = type(kind.__name__, (_Translating, kind), {})
    return pool


class _Translating:
    async def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        try:
            await super().send_packed_command(*arguments, **options)  # type: ignore[misc]
        except RuntimeError as error:
            raise RedisConnectionError(f"the connection was reset: {error}") from error

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*arguments, **options)  # type: ignore[misc]
        except _OF_A_CLUSTER as error:
            raise RedisConnectionError(f"{CLUSTER_REFUSED}: {error}") from error
