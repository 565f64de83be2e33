"""A cluster of three primaries, with a replica of the one that has the houses' shared keys: real processes, for tests.

Use: `with ValkeyCluster() as valkey: … valkey.url`, then `valkey.kill_primary()`.
"""

import contextlib
from typing import Self

from redis import Redis
from redis.crc import key_slot

from bff.resilience.redis_address import SHARED
from tests.support.free_ports import free_port
from tests.support.valkey_sentinel import until
from tests.support.valkey_server import ValkeyServer

RANGES = ((0, 5460), (5461, 10922), (10923, 16383))


class ValkeyCluster:
    """The address lists an unreachable node too, and lists it first."""

    def __init__(self, *, node_timeout_ms: int = 800) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(node_timeout_ms), "--cluster-port")
        self._buses = [free_port() for _ in range(len(RANGES) + 1)]
        *self.primaries, self.replica = [ValkeyServer(None, *options, str(bus)) for bus in self._buses]
        self._processes = contextlib.ExitStack()
        slot = key_slot(f"{{{SHARED}}}".encode())
        self.shared = next(at for at, (first, last) in enumerate(RANGES) if first <= slot <= last)
        self.url = f"cluster://127.0.0.1:1,127.0.0.1:{self.primaries[self.shared].port},127.0.0.1:{self.replica.port}"

    def __enter__(self) -> Self:
        for server in (*self.primaries, self.replica):
            self._processes.enter_context(server)
        with contextlib.ExitStack() as clients:
            nodes = [clients.enter_context(Redis(port=server.port)) for server in (*self.primaries, self.replica)]
            for node, (first, last) in zip(nodes, RANGES, strict=False):
                node.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            for number, node in enumerate(nodes):
                node.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            for server, bus in zip((*self.primaries, self.replica), self._buses, strict=True):
                nodes[0].execute_command("CLUSTER", "MEET", "127.0.0.1", server.port, bus)
            until(lambda: all(_info(node)["cluster_known_nodes"] == "4" for node in nodes))
            of = nodes[self.shared].execute_command("CLUSTER", "MYID")
            until(lambda: nodes[-1].execute_command("CLUSTER", "REPLICATE", of) in (True, b"OK", "OK"))
            until(lambda: all(_info(node)["cluster_state"] == "ok" for node in nodes))
            until(lambda: nodes[-1].info("replication").get("master_link_status") == "up")
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    def flush(self) -> None:
        """Forget everything while running."""
        for server in self.primaries:
            server.flush()

    def kill_primary(self) -> None:
        """Kill the primary with the houses' shared keys; it does not come back by itself."""
        self.primaries[self.shared].stop()

    def bring_back(self) -> None:
        """Start the killed one again: its own file says which cluster it belongs to."""
        self.primaries[self.shared].start()

    def wait_for_promotion(self) -> None:
        with Redis(port=self.replica.port) as replica:
            until(lambda: replica.info("replication")["role"] == "master" and _info(replica)["cluster_state"] == "ok")


def _info(node: Redis) -> dict[str, str]:
    answer = node.execute_command("CLUSTER", "INFO")
    return answer if isinstance(answer, dict) else dict(line.split(":") for line in answer.decode().split())
