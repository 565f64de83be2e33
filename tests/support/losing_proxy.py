"""A proxy between a caller and a house that loses answers: the request arrives, its answer does not.

Use: `with LosingProxy(house.url) as proxy: proxy.lose("/transaction/bet", 2)`.
"""

import threading
import urllib.error
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class LosingProxy:
    """`seen` counts requests by path. Answers to a path are lost for a number of times, or while `away` contains it."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.seen: Counter[str] = Counter()
        self.away: set[str] = set()
        self._to_lose: Counter[str] = Counter()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def lose(self, path: str, times: int) -> None:
        """The next `times` answers to `path` are lost; the requests are carried out."""
        self._to_lose[path] = times

    def ways(self, path: str) -> tuple[bool, bool]:
        """(whether the request passes, whether its answer does)."""
        self.seen[path] += 1
        lost = self._to_lose[path] > 0
        self._to_lose[path] -= lost
        return path not in self.away, not lost


class _Handler(BaseHTTPRequestHandler):
    proxy: LosingProxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        passed, answered = self.proxy.ways(self.path)
        status, answer, kind = self._forward(body) if passed else (0, b"", "")
        if not (passed and answered):
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _forward(self, body: bytes) -> tuple[int, bytes, str]:
        passed_on = {
            name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")
        }
        request = urllib.request.Request(self.proxy.target + self.path, body, passed_on, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read(), answer.headers["content-type"]
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers["content-type"]

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: tests assert on `seen`."""
