"""The fault proxy as a process of its own, in front of an echo server.

Public: `ProxyProcess`.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support import plain_http
from tests.support.free_ports import free_port
from tests.support.mullion import ROOT

READY_S_MAX = 60.0


class ProxyProcess:
    """`with ProxyProcess() as proxy: proxy.api.get("/proxies")`; `hop` is a fixed hop to the echo at `upstream`."""

    def __init__(self) -> None:
        self.port, self.hop_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        echo = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.upstream = f"127.0.0.1:{echo.getsockname()[1]}"
        threading.Thread(target=_echo, args=(echo,), daemon=True).start()
        hop = {"name": "hop", "listen": f"127.0.0.1:{self.hop_port}", "upstream": self.upstream, "speaks": ["redis"]}
        environ = {**os.environ, "PORT": str(self.port), "DRILL_HOPS": json.dumps([hop])}
        self.process = subprocess.Popen([sys.executable, "-m", "tests.drills.proxy"], cwd=ROOT, env=environ)
        self._stack.callback(self.process.wait, 10)
        self._stack.callback(self.process.terminate)
        self.api = self._stack.enter_context(plain_http.Client(base_url=self.url, timeout=30))
        self._until_ready()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def toxics(self) -> list[dict[str, Any]]:
        """Those of the hop."""
        found: list[dict[str, Any]] = self.api.get("/proxies/hop/toxics").json()
        return found

    def _until_ready(self) -> None:
        deadline = time.monotonic() + READY_S_MAX
        while True:
            try:
                if self.api.get("/healthz").status_code == 200:
                    return
            except httpx.TransportError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
            time.sleep(0.05)


def _echo(server: socket.socket) -> None:
    while True:
        try:
            peer, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(peer,), daemon=True).start()


def _answer(peer: socket.socket) -> None:
    with peer:
        while data := peer.recv(65536):
            peer.sendall(data)
