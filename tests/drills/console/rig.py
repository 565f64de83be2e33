"""The console and the fault proxy as processes of their own, in front of a stand-in for everything that they read.

Public: `ConsoleRig`.
"""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import httpx

from tests.support import plain_http
from tests.support.free_ports import free_port
from tests.support.mullion import ROOT

READY_S_MAX = 120.0
TOKEN = "the-token-of-the-rig"
HOPS = {
    "browser:shell": ["http"],
    "browser:sandbox-tables": ["http", "websocket"],
    "shell:wallet": ["http"],
    "shell:promotions": ["http"],
    "shell:valkey": ["redis"],
    "wallet:bff-queries": ["http"],
    "promotions:bff-queries": ["http"],
    "bff-queries:valkey": ["redis"],
    "ingest:sandbox-tables": ["http", "websocket"],
}
MORE: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("wallet:bff-queries", "malformed", {"how": "length-and-chunked"}),
    ("ingest:sandbox-tables", "latency", {"latency": 3000, "jitter": 250}),
    ("bff-queries:valkey", "slicer", {"average_size": 64, "size_variation": 16, "delay": 10_000}),
)
ABSENT = {"shell:database": "no address is set for it, and SQLite has no wire"}
HOUSES = {"shell": "shell", "wallet": "wallet", "promotions": "promotions", "bff-queries": "bff-queries"}
HOUSES |= {"ingest": "bff-feeds", "sandbox-tables": "sandbox"}
PAGE = """<!doctype html><html lang="en"><title>Lobby</title><h1>Lobby</h1>{slots}</html>"""
SLOT = '<fragment-slot slot="{}" data-state="{}" data-reason="{}">{}</fragment-slot>'
METRICS = 'mullion_breaker_position{{position="{}",upstream="promotions"}} 1.0\n'


class _StandIn(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Connections are reset on purpose."""


class ConsoleRig:
    """`with ConsoleRig() as rig: page.goto(rig.address)`.

    `slots` are the states and reasons of the lobby's slots, `breaker` the position of the shell's for promotions, and
    `silent` the processes whose figures can not be read.
    """

    def __init__(self) -> None:
        self.slots = {"wallet": ("fresh", ""), "promotions": ("fresh", "")}
        self.breaker = "closed"
        self.silent: set[str] = set()
        self.port, self._proxy_port = free_port(), free_port()
        self.address = f"http://localhost:{self.port}/#token={TOKEN}"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stand_in = _StandIn(("127.0.0.1", 0), self._handler())
            threading.Thread(target=stand_in.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(stand_in.server_close)
            stack.callback(stand_in.shutdown)
            self._upstream = f"127.0.0.1:{stand_in.server_address[1]}"
            listens = {name: free_port() for name in HOPS}
            self.proxy_url = f"http://127.0.0.1:{self._proxy_port}"
            self.proxy = self._run(stack, "tests.drills.proxy", self._proxy_port, self._proxy_environ(listens))
            self._run(stack, "tests.drills.console", self.port, self._console_environ(listens["browser:shell"]))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def break_more(self) -> None:
        """Breaks three hops that no other test here breaks, one of them with a long description."""
        for hop, fault, attributes in MORE:
            body = {"type": fault, "attributes": attributes, "ttl_s": 600}
            plain_http.post(f"{self.proxy_url}/proxies/{hop}/toxics", json=body, timeout=READY_S_MAX).raise_for_status()

    def heal(self) -> None:
        """Restores the first state."""
        self.slots = dict.fromkeys(self.slots, ("fresh", ""))
        self.breaker, self.silent = "closed", set()
        plain_http.post(f"{self.proxy_url}/reset", timeout=READY_S_MAX)

    def _proxy_environ(self, listens: dict[str, int]) -> dict[str, str]:
        hops = [
            {"name": name, "listen": f"127.0.0.1:{listens[name]}", "upstream": self._upstream, "speaks": speaks}
            for name, speaks in HOPS.items()
        ]
        return {"DRILL_HOPS": json.dumps(hops), "DRILL_ABSENT": json.dumps(ABSENT)}

    def _console_environ(self, front: int) -> dict[str, str]:
        processes = [
            {"name": name, "house": house, "metrics": f"http://{self._upstream}/metrics/{name}"}
            for name, house in HOUSES.items()
        ]
        return {
            "CONSOLE_TOKEN": TOKEN,
            "CONSOLE_PROXY": self.proxy_url,
            "CONSOLE_PAGES": f"http://localhost:{front}",
            "CONSOLE_FRONT": "browser:shell",
            "CONSOLE_PROCESSES": json.dumps(processes),
            "PARTITION_KEY": "a-key-that-signs-marks-of-this-rig-alone-0123456789",
        }

    def _run(self, stack: ExitStack, module: str, port: int, own: dict[str, str]) -> subprocess.Popen[bytes]:
        environ = {**os.environ, "PORT": str(port), **own}
        process = subprocess.Popen([sys.executable, "-m", module], cwd=ROOT, env=environ)
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        deadline = time.monotonic() + READY_S_MAX
        while True:
            try:
                plain_http.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
                return process
            except httpx.HTTPError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
            time.sleep(0.05)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        rig = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                name = self.path.removeprefix("/metrics/")
                if name == self.path:
                    self._say(200, PAGE.format(slots="".join(rig._slots())))
                elif name in rig.silent:
                    self._say(500, "")
                else:
                    self._say(*((200, METRICS.format(rig.breaker)) if name == "shell" else (404, "")))

            def _say(self, status: int, text: str) -> None:
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("X-Frame-Options", "DENY")
                self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
                self.end_headers()
                self.wfile.write(body)

        return Handler

    def _slots(self) -> list[str]:
        return [SLOT.format(slot, state, reason, slot) for slot, (state, reason) in self.slots.items()]
