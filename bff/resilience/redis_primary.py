"""Which server is the primary, where Sentinels or the nodes of a cluster have to be asked.

Public: `Primary`, `NODE_S`.

It is asked anew for each connection, so whoever lost one to a failover is led to the server that was promoted. A node
that does not answer goes to the end of the row: the next connection begins with another.
"""

import asyncio
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from bff.resilience.redis_address import Node, RedisAddress

# The least that a node is given: one that says nothing must leave time to ask another within a call to the store.
NODE_S = 0.08


class Primary:
    """The server that holds `key`; by Sentinel, the one that holds everything."""

    def __init__(self, address: RedisAddress, key: str = "", *, node_s: float = NODE_S) -> None:
        self.address = address
        self._slot = key_slot(key.encode())
        self._nodes = list(address.nodes)
        self._named_by: dict[Node, Node] = {}
        self._node_s = node_s

    def __repr__(self) -> str:
        return f"<Primary by {self.address.found_by} of {self._shard_label}>"

    async def find_async(self) -> Node:
        """The primary's address; redis-py's ConnectionError where no node names one."""
        why = "nobody was asked"
        for node in list(self._nodes):
            try:
                async with redis.asyncio.Redis(**self._options(node), retry=AsyncRetry(NoBackoff(), 0)) as client:
                    async with asyncio.timeout(self._node_s):
                        answer = await client.execute_command(*self._question)  # type: ignore[no-untyped-call]
                return self._place(answer, node)
            except (RedisError, OSError, TimeoutError) as error:
                why = self._passed_over(node, error)
            except asyncio.CancelledError:
                self._passed_over(node, TimeoutError())
                raise
        raise RedisConnectionError(f"nobody says which server is the primary of {self._shard_label}: {why}")

    def find(self) -> Node:
        """As `find_async`, and blocks."""
        why = "nobody was asked"
        for node in list(self._nodes):
            try:
                with redis.Redis(**self._options(node), retry=Retry(NoBackoff(), 0)) as client:
                    return self._place(client.execute_command(*self._question), node)
            except (RedisError, OSError) as error:
                why = self._passed_over(node, error)
        raise RedisConnectionError(f"nobody says which server is the primary of {self._shard_label}: {why}")

    def mistaken(self, place: Node) -> None:
        """`place` does not answer, or is no primary: the node that named it is asked last the next time."""
        if (node := self._named_by.pop(place, None)) is not None:
            self._to_the_end(node)

    @property
    def _shard_label(self) -> str:
        return self.address.name if self.address.found_by == "sentinel" else f"slot {self._slot}"

    @property
    def _question(self) -> tuple[str, ...]:
        if self.address.found_by == "sentinel":
            return ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.address.name)
        return ("CLUSTER", "SLOTS")

    def _options(self, node: Node) -> dict[str, Any]:
        """As whom a node is asked: Sentinel has users of its own, the nodes of a cluster those of the cluster."""
        server: dict[str, Any] = parse_url(self.address.server)  # type: ignore[no-untyped-call]  # redis-py has no types here
        options = {**server, "host": node[0], "port": node[1], "db": 0, "ssl": self.address.tls}
        options.pop("connection_class", None)
        if self.address.found_by == "sentinel":
            options["username"] = self.address.sentinel_username or None
            options["password"] = self.address.sentinel_password or None
        limits = {"socket_connect_timeout": self._node_s, "socket_timeout": self._node_s}
        return {**options, **limits, "protocol": 2, "driver_info": None}

    def _place(self, answer: Any, node: Node) -> Node:
        place = self._of_sentinel(answer, node) if self.address.found_by == "sentinel" else self._of_slots(answer, node)
        self._named_by = {place: node}
        return place

    def _of_sentinel(self, answer: Any, node: Node) -> Node:
        if not answer:
            raise RedisConnectionError(f"Sentinel at {node[0]}:{node[1]} knows no primary {self._shard_label}")
        return _text(answer[0]), int(answer[1])

    def _of_slots(self, answer: Any, node: Node) -> Node:
        primary = None
        for first, last, *servers in answer:
            # One that was not given an address to announce is where it was asked.
            places = [(_text(host or node[0]), int(port)) for host, port, *_ in servers]
            self._nodes += [place for place in places if place not in self._nodes]
            if first <= self._slot <= last:
                primary = places[0]
        if primary is None:
            raise RedisConnectionError(f"the cluster at {node[0]}:{node[1]} serves no {self._shard_label}")
        return primary

    def _passed_over(self, node: Node, error: BaseException) -> str:
        self._to_the_end(node)
        return f"{node[0]}:{node[1]}: {type(error).__name__}: {error}".rstrip(": ")

    def _to_the_end(self, node: Node) -> None:
        self._nodes.remove(node)
        self._nodes.append(node)


def _text(word: bytes | str) -> str:
    return word.decode() if isinstance(word, bytes) else word
