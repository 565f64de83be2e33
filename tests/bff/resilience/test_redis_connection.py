"""A connection to Redis that was reset is reported as a lost connection under every event loop."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from bff.resilience import pubsub
from bff.resilience.pubsub import SubscriptionPolicy
from bff.resilience.redis_clients import async_client
from shell.fleet import redis_stores

CLIENTS: dict[str, Callable[[str], Redis]] = {
    "pool": lambda url: async_client(url, connections_max=2, connect_s=None, answer_s=None),
    "subscriptions": lambda url: pubsub.connect(url, SubscriptionPolicy()),
    "fleet": redis_stores.connect,
}


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("client", CLIENTS)
def test_write_to_a_transport_that_was_reset_is_redis_own_error(client: str, runner: Callable[..., None]) -> None:
    """As when Valkey restarts: uvloop says RuntimeError there, and whoever waited would never try again."""

    async def write() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        redis = CLIENTS[client](f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        connection = await redis.connection_pool.get_connection()
        connection._writer.transport.abort()
        with pytest.raises(RedisError):
            await ping(connection)
        await redis.connection_pool.disconnect()
        server.close()

    async def ping(connection: AbstractConnection) -> None:
        # asyncio's own transport accepts the bytes, and only reading the answer fails
        await connection.send_packed_command([b"*1\r\n$4\r\nPING\r\n"], check_health=False)
        await connection.read_response()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(b"+OK\r\n")

    runner(write())


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "answer",
    [
        b"-MOVED 3999 127.0.0.1:6381",
        b"-ASK 3999 127.0.0.1:6381",
        b"-CROSSSLOT Keys in request don't hash to the same slot",
        b"-CLUSTERDOWN Hash slot not served",
    ],
    ids=lambda answer: answer.split()[0].decode(),
)
async def test_node_of_a_cluster_is_refused_in_words(client: str, answer: bytes) -> None:
    """Whoever set the address reads in the log what is wrong with it, whichever house asked first."""

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while received := await reader.read(65536):
            writer.write((b"+OK" if b"CLIENT" in received else answer) + b"\r\n")
        writer.close()

    server = await asyncio.start_server(node, "127.0.0.1", 0)
    redis = CLIENTS[client](f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with pytest.raises(RedisError, match="a node of a cluster, and names it as if it were one primary"):
        await redis.get("view:wallet")
    await redis.connection_pool.disconnect()
    server.close()
