"""A proxy between a browser and a shell that cuts the page's stream where a test says; everything else passes.

Use: `with CuttingProxy(house.url) as proxy: proxy.cut = Cut(between_slots, reset=True)`.
"""

import http.client
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

# How long sent bytes have to arrive before a reset, which discards bytes on their way.
ARRIVES_S = 0.3
HALT_S_MAX = 120
END = b"</fragment-slot>\n"


@dataclass(frozen=True)
class Cut:
    """`at` returns how many bytes of the page arrive; then the connection is closed, or reset, or silent until
    `goes_on` is set and the rest is sent."""

    at: Callable[[bytes], int]
    reset: bool = False
    goes_on: threading.Event | None = None


def before_slots(page: bytes) -> int:
    """Head and layout arrive, and no slot."""
    return page.index(b"<fragment-slot ")


def between_slots(page: bytes) -> int:
    """One slot arrives completely."""
    return page.index(END) + len(END)


def inside_slot(page: bytes) -> int:
    """One slot arrives, and the next one to the middle of its content."""
    begins = page.index(b">", between_slots(page)) + 1
    return (begins + page.index(END, begins)) // 2


class CuttingProxy:
    """`cut` applies to every page; `refuse(path, times)` answers 502 for paths that start with `path`. `seen` counts
    paths."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self.cut: Cut | None = None
        self.seen: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def refuse(self, path: str, times: int) -> None:
        """Answer the next `times` requests for paths that start with `path` with 502."""
        self._refused[path] = times

    def _accept(self) -> None:
        while True:
            try:
                browser, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(browser,), daemon=True).start()

    def _serve(self, browser: socket.socket) -> None:
        with browser:
            head = b""
            while b"\r\n\r\n" not in head:
                received = browser.recv(65536)
                if not received:
                    return
                head += received
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            path = target.partition("?")[0]
            self.seen[path] += 1
            for refused in self._refused:
                if path.startswith(refused) and self._refused[refused] > 0:
                    self._refused[refused] -= 1
                    browser.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    return
            status, headers, body = self._ask(method, target, head)
            if self.cut and path == "/" and method == "GET":
                self._send_cut(browser, self.cut, headers, body)
            else:
                framing = f"Content-Length: {len(body)}\r\nConnection: close"
                browser.sendall(_head(status, headers, framing) + body)

    def _ask(self, method: str, target: str, head: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        lines = head.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        headers_sent = dict(line.split(": ", 1) for line in lines)
        shell = http.client.HTTPConnection(self._target.hostname or "", self._target.port, timeout=60)
        try:
            shell.request(method, target, headers={**headers_sent, "Connection": "close"})
            answer = shell.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            shell.close()

    def _send_cut(self, browser: socket.socket, cut: Cut, headers: list[tuple[str, str]], body: bytes) -> None:
        sent = cut.at(body)
        browser.sendall(_head(200, headers, "Transfer-Encoding: chunked") + _chunk(body[:sent]))
        if cut.goes_on is None:
            time.sleep(ARRIVES_S)
        elif cut.goes_on.wait(HALT_S_MAX):
            browser.sendall(_chunk(body[sent:]) + _chunk(b""))
        if cut.reset:
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _head(status: int, headers: list[tuple[str, str]], framing: str) -> bytes:
    passed = [
        f"{name}: {value}"
        for name, value in headers
        if name.lower() not in ("content-length", "transfer-encoding", "connection")
    ]
    return "\r\n".join([f"HTTP/1.1 {status} As it came", *passed, framing, "", ""]).encode("latin-1")


def _chunk(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)
