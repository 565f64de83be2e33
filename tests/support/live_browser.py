"""A page with live.js on it, and the servers around it that a test can break.

Use: `with PageServer() as pages, FakeLive() as live: pages.live_url = live.url; pages.body = "…"`.
"""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from tests.support.lobby import PATIENT_S, wait_for

STATIC = Path(__file__).parents[2] / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t"}

# The headers that the shell sends with every page: the browser reports any inline script or style.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws://127.0.0.1:* http://127.0.0.1:*; "
    "media-src 'self' blob: http://127.0.0.1:*; worker-src 'self' blob:; img-src 'self' data:"
)

# In place of slots.js: registers every slot, counts refetches, and can swap a slot as htmx does.
HARNESS = """
import { start, register, unregister } from "/static/live.js";
window.refetches = [];
document.addEventListener("mullion:refetch", (event) => {
  window.refetches.push({ slot: event.target.id, at: performance.now(), ...event.detail });
});
document.addEventListener("mullion:session-ended", () => { window.ended = (window.ended ?? 0) + 1; });
const rootOf = (slot) => slot.shadowRoot ?? slot;
window.swap = (id, html) => {
  const old = document.getElementById(id);
  unregister(rootOf(old));
  const fresh = old.cloneNode(false);
  fresh.attachShadow({ mode: "open" }).innerHTML = html;
  old.replaceWith(fresh);
  register(rootOf(fresh));
};
for (const slot of document.querySelectorAll("fragment-slot")) register(rootOf(slot));
start({ ticketUrl: "/live/ticket" });
window.ready = true;
"""


def slot(name: str, html: str, *, state: str = "fresh", feeds: str = "") -> str:
    """A slot's element as the shell streams it."""
    return (
        f'<fragment-slot slot="{name}" id="slot-{name}" data-state="{state}" data-feeds="{feeds}">'
        f'<template shadowrootmode="open">{html}</template></fragment-slot>'
    )


def live_message(topic: str, n: int, data: Any, *, state: str = "live", epoch: str = "e") -> dict[str, Any]:
    """A live message."""
    return {"topic": topic, "seq": [epoch, n], "as_of": None, "state": state, "data": data}


def ticket_of(player: str) -> str:
    """The payload of a ticket, as live.js reads it; nobody checks the signature of this one."""
    return "x." + base64.urlsafe_b64encode(json.dumps({"sub": player}).encode()).decode().rstrip("=") + ".x"


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Runs `work` on an event loop of its own, because Playwright's loop runs in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def eventually(condition: Callable[[], bool], within_s: float = PATIENT_S) -> None:
    """Wait until `condition` holds."""
    wait_for(condition, within_s)


class PageServer:
    """Serves one page, the static files and tickets. `tickets` counts them; `ticket_status` breaks them.

    `clock_s` is how many seconds its clock is ahead.
    """

    def __init__(self) -> None:
        self.body = ""
        self.script = HARNESS
        self.live_url = ""
        self.ticket: Callable[[], str] = lambda: ticket_of("")
        self.ticket_status = 200
        self.tickets = 0
        self.clock_s = 0.0
        self.files: dict[str, tuple[str, bytes]] = {}
        self.requested: list[str] = []
        handler = type("Handler", (_Handler,), {"pages": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = self.origin + "/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """(status, content type, body) of `path`."""
        if path == "/":
            html = f'<!doctype html><html lang="en"><title>Live</title><body>{self.body}'
            return 200, "text/html", f'{html}<script type="module" src="/harness.js"></script>'.encode()
        if path == "/harness.js":
            return 200, "text/javascript", self.script.encode()
        if path == "/live/ticket":
            self.tickets += 1
            return (
                self.ticket_status,
                "application/json",
                json.dumps({"ticket": self.ticket(), "url": self.live_url}).encode(),
            )
        if path == "/favicon.ico":
            return 200, "image/x-icon", b""
        if path in self.files:
            return 200, *self.files[path]
        file = STATIC / path.removeprefix("/static/")
        if path.startswith("/static/") and file.is_file():
            return 200, TYPES.get(file.suffix, "application/octet-stream"), file.read_bytes()
        return 404, "text/plain", b"There is nothing here.\n"


class _Handler(BaseHTTPRequestHandler):
    pages: PageServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.pages.requested.append(path)
        status, content_type, body = self.pages.answer(path)
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        if path == "/":
            self.send_header("content-security-policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """What the Date header says."""
        return super().date_time_string(timestamp or time.time() + self.pages.clock_s)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: tests read the browser's console instead."""


class FakeLive:
    """A live socket that sends only what a test sends.

    `refuse` answers 403; `beats` turns heartbeats on and off; `received` has what pages sent; `opened` counts sockets;
    `requested` has path and protocols of each.
    """

    def __init__(self) -> None:
        self.refuse = False
        self.beats = True
        self.greeting: list[dict[str, Any]] = []
        self.received: list[dict[str, Any]] = []
        self.opened = 0
        self.requested: list[tuple[str, str]] = []
        self.closed: list[int | None] = []
        self.open: list[ServerConnection] = []
        self._ending = threading.Event()
        self._server: Server = serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._admit,
            subprotocols=["mullion.live"],  # type: ignore[list-item]
        )
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/live"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._server.shutdown()

    @property
    def followed(self) -> set[str]:
        """Topics that pages follow at the moment."""
        topics: set[str] = set()
        for message in self.received:
            topics |= set(message.get("subscribe", []))
            topics -= set(message.get("unsubscribe", []))
        return topics

    def tell(self, *messages: dict[str, Any]) -> None:
        """Send each of `messages` to every open page."""
        for connection in list(self.open):
            for message in messages:
                try:
                    connection.send(json.dumps(message))
                except ConnectionClosed:
                    break

    def close(self, code: int) -> None:
        """Close every open page's socket."""
        for connection in list(self.open):
            connection.close(code)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(403, "refused\n") if self.refuse else None

    def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.requested.append((connection.request.path, connection.request.headers["Sec-WebSocket-Protocol"]))
        if self.beats:
            connection.send(_heartbeat())
        for message in self.greeting:
            connection.send(json.dumps(message))
        self.open.append(connection)
        self.opened += 1
        try:
            for raw in connection:
                self.received.append(json.loads(raw))
        except ConnectionClosed:
            pass
        self.open.remove(connection)
        self.closed.append(connection.close_code)

    def _beat(self) -> None:
        while not self._ending.wait(0.5):
            if self.beats:
                self.tell(json.loads(_heartbeat()))


def _heartbeat() -> str:
    return json.dumps({"heartbeat": int(time.time() * 1000)})
