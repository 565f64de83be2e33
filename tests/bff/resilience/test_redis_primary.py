"""Which server is called, by what Sentinels and cluster nodes report, and which one is tried when they are wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from bff.resilience.redis_address import read_address
from bff.resilience.redis_clients import async_client, blocking_client
from bff.resilience.redis_primary import Primary
from tests.support.redis_nodes import Answer, redis_node, slots, texts

PATIENT_S = 20.0


class Server:
    """A server with a name and a role; `commands` are those that it received."""

    def __init__(self, name: str, role: str = "master", refuses: bytes = b"") -> None:
        self.name, self.role, self.refuses = name, role, refuses
        self.commands: list[list[str]] = []

    def __call__(self, words: list[str]) -> bytes | None:
        self.commands.append(words)
        match words[0]:
            case "ROLE":
                return texts(self.role)
            case "GET":
                return self.refuses or texts(self.name)[4:]
        return b"+OK\r\n"


Get = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def client_of(url: str, kind: str) -> AsyncIterator[Get]:
    """A client that reads one key there, over asyncio or in a thread."""
    if kind == "async":
        client = async_client(url, connect_s=PATIENT_S, answer_s=PATIENT_S)
        yield lambda: client.get("x")
        await client.aclose()
    else:
        blocking = blocking_client(url, connect_s=PATIENT_S, answer_s=PATIENT_S)
        yield lambda: asyncio.to_thread(blocking.get, "x")
        blocking.close()


def naming(port: Callable[[], int]) -> Answer:
    return lambda words: texts("127.0.0.1", str(port())) if words[0] == "SENTINEL" else b"+OK\r\n"


both = pytest.mark.parametrize("kind", ["async", "blocking"])


@both
async def test_sentinel_that_is_away_or_knows_nobody_is_passed_over(kind: str) -> None:
    """The third of the row leads to the primary, signed in to each with its own password, in the right database."""
    server = Server("primary")
    questions: list[list[str]] = []

    def unknowing(words: list[str]) -> bytes:
        questions.append(words)
        return b"*-1\r\n" if words[0] == "SENTINEL" else b"+OK\r\n"

    async with redis_node(server) as port, redis_node(unknowing) as none, redis_node(naming(lambda: port)) as last:
        nodes = f"127.0.0.1:1,127.0.0.1:{none},127.0.0.1:{last}"
        async with client_of(f"sentinel://:of-server@{nodes}/players/3?sentinel_password=of-sentinel", kind) as get:
            assert await get() == b"primary"
    assert ["AUTH", "of-sentinel"] in questions
    assert ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "players"] in questions
    assert server.commands[:2] == [["AUTH", "of-server"], ["SELECT", "3"]]


@both
@pytest.mark.parametrize("role", ["slave", None], ids=["replica", "nobody"])
async def test_who_names_no_primary_is_asked_last_the_next_time(kind: str, role: str | None) -> None:
    """A Sentinel that was cut off names yesterday's primary: what is read there may be long past, or nobody is."""
    async with (
        redis_node(Server("old", role or "")) as old,
        redis_node(Server("primary")) as port,
        redis_node(naming(lambda: old if role else 1)) as stale,
        redis_node(naming(lambda: port)) as right,
        client_of(f"sentinel://127.0.0.1:{stale},127.0.0.1:{right}/players", kind) as get,
    ):
        with pytest.raises(RedisConnectionError, match="is a replica" if role else "127.0.0.1"):
            await get()
        assert await get() == b"primary"


@both
@pytest.mark.parametrize(
    "refusal",
    [b"-READONLY You can't write against a read only replica.\r\n", b"-MOVED 1 127.0.0.1:1\r\n"],
    ids=["readonly", "moved"],
)
async def test_connection_to_what_is_no_longer_the_primary_is_left(kind: str, refusal: bytes) -> None:
    """The server answers well, and is the wrong one: the next call is led to the right one."""
    async with redis_node(Server("old", refuses=refusal)) as old, redis_node(Server("primary")) as port:
        places = iter([old, port])
        async with (
            redis_node(naming(lambda: next(places))) as sentinel,
            client_of(f"sentinel://127.0.0.1:{sentinel}/players", kind) as get,
        ):
            with pytest.raises(RedisConnectionError, match="is not the primary, or not yet"):
                await get()
            assert await get() == b"primary"


@both
async def test_read_only_server_at_a_plain_address_is_left_as_well(kind: str) -> None:
    """An address that follows the primary leads elsewhere, once somebody connects anew."""
    server = Server("old", refuses=b"-READONLY You can't write against a read only replica.\r\n")
    async with redis_node(server) as port, client_of(f"redis://127.0.0.1:{port}", kind) as get:
        with pytest.raises(RedisConnectionError, match="no primary: You can't write"):
            await get()


@both
async def test_group_is_served_by_the_node_that_holds_its_slot_and_other_nodes_are_learnt(kind: str) -> None:
    """A node that knows no address of its own is where it was asked; replicas are asked when the first is gone."""
    server = Server("first")

    def node(words: list[str]) -> bytes | None:
        return slots(0, 16383, (None, ports[0]), ("10.0.0.1", 7002)) if words[0] == "CLUSTER" else server(words)

    ports: list[int] = []
    async with redis_node(node) as port:
        ports.append(port)
        async with client_of(f"cluster://localhost:{port}", kind) as get:
            assert await get() == b"first"
        primary = Primary(read_address(f"cluster://localhost:{port}"), "{mullion}:", node_s=PATIENT_S)
        assert await primary.find_async() == ("localhost", port)
        assert ("10.0.0.1", 7002) in primary._nodes
        for _ in range(2):  # two calls may have met it
            primary.mistaken(("localhost", port))
        assert primary._nodes == [("10.0.0.1", 7002), ("localhost", port)]
    assert [words[0] for words in server.commands] == ["GET"]


@both
async def test_client_that_is_closed_leaves_no_connection(kind: str) -> None:
    """Some are made for one call each: what they opened must not wait for the collector."""
    left = asyncio.Event()
    async with redis_node(Server("primary"), left.set) as port:
        async with client_of(f"redis://127.0.0.1:{port}", kind) as get:
            assert await get() == b"primary"
            assert not left.is_set()
        await asyncio.wait_for(left.wait(), PATIENT_S)


async def test_cluster_without_that_slot_says_so() -> None:
    async with redis_node(lambda _: slots(0, 0, ("127.0.0.1", 1))) as port:
        primary = Primary(read_address(f"cluster://127.0.0.1:{port}"), "{mullion}:", node_s=PATIENT_S)
        with pytest.raises(RedisConnectionError, match="serves no slot"):
            await primary.find_async()
        with pytest.raises(RedisConnectionError, match="serves no slot"):
            await asyncio.to_thread(primary.find)
    assert repr(primary) == f"<Primary by cluster of slot {primary._slot}>"


async def test_call_that_ends_while_a_node_is_silent_begins_with_another_the_next_time() -> None:
    """Whoever has less time than all of the row together gets to its end all the same, call by call."""
    async with redis_node(lambda _: None) as silent, redis_node(naming(lambda: 7)) as speaking:
        primary = Primary(read_address(f"sentinel://127.0.0.1:{silent},127.0.0.1:{speaking}/players"), node_s=PATIENT_S)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await primary.find_async()
        assert await primary.find_async() == ("127.0.0.1", 7)


async def test_silent_node_costs_its_share_and_no_more() -> None:
    async with redis_node(lambda _: None) as silent, redis_node(naming(lambda: 7)) as speaking:
        url = f"sentinel://127.0.0.1:{silent},127.0.0.1:{speaking}/players"
        primary = Primary(read_address(url), node_s=0.5)
        assert await primary.find_async() == ("127.0.0.1", 7)
        primary = Primary(read_address(url), node_s=0.5)
        assert await asyncio.to_thread(primary.find) == ("127.0.0.1", 7)
