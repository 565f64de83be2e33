"""One team's own server: plain HTTP from the standard library, which knows nothing but Podium's contract.

Public: `Team`, `Visitor`, `Reply`, `Page`.
"""

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

HOST = "127.0.0.1"
VERSION = "1.0.0"


@dataclass(frozen=True, slots=True)
class Visitor:
    """The player of a request, and its slot. A real server would check the bearer's signature; this shop sells toys."""

    player: str
    prefix: str
    query: Mapping[str, str]

    @classmethod
    def of(cls, headers: Any, query: str) -> Self:
        _, _, token = (headers.get("authorization") or "").partition(" ")
        claims = token.split(".")[1] if token.count(".") == 2 else ""
        player = json.loads(base64.urlsafe_b64decode(claims + "==")).get("sub", "") if claims else ""
        return cls(player, headers.get("podium-public-pathname") or "", dict(parse_qsl(query)))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; HTML unless `kind` says otherwise."""

    body: str
    status: int = 200
    kind: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)


Page = Callable[[Visitor, str], Reply]


class Team:
    """`pages` maps a path's beginning to a handler that gets the rest; `files` are those that a manifest names.

    `actions` handles posts to `/actions/<name>` with the form's fields. `down` and `up` stop and start it in place.
    """

    def __init__(
        self,
        name: str,
        pages: Mapping[str, Page],
        files: Mapping[str, Reply],
        actions: Mapping[str, Callable[[Visitor, Mapping[str, str]], Reply]] | None = None,
        manifest: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self._pages, self._files, self._actions = pages, files, actions or {}
        self._more = manifest or {}
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._open: set[socket] = set()

    @property
    def manifest_url(self) -> str:
        return f"http://{HOST}:{self._port}/manifest.json"

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def up(self) -> None:
        team = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                team._open.add(self.connection)

            def finish(self) -> None:
                team._open.discard(self.connection)
                super().finish()

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                self._answer(team._get(unquote(parts.path), Visitor.of(self.headers, parts.query)))

            def do_POST(self) -> None:
                parts = urlsplit(self.path)
                form = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                action = team._actions.get(parts.path.removeprefix("/actions/"))
                visitor = Visitor.of(self.headers, parts.query)
                self._answer(action(visitor, dict(parse_qsl(form))) if action else Reply("", 404))

            def _answer(self, reply: Reply) -> None:
                body = reply.body.encode()
                self.send_response(reply.status)
                sent = {"content-type": f"{reply.kind}; charset=utf-8", "podlet-version": VERSION, **reply.headers}
                for name, value in {**sent, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Tests look at pages."""

        self._server = ThreadingHTTPServer((HOST, self._port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_port
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """As if its machine were gone: open connections end, and nothing answers."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            for connection in list(self._open):
                with suppress(OSError):  # the other side was quicker
                    connection.shutdown(SHUT_RDWR)

    def _get(self, path: str, visitor: Visitor) -> Reply:
        if path == "/manifest.json":
            return Reply(json.dumps(self._manifest()), kind="application/json")
        if path in self._files:
            return self._files[path]
        for begins, page in self._pages.items():
            if path == begins or (begins != "/" and path.startswith(f"{begins}/")):
                return page(visitor, path[len(begins) :].strip("/"))
        return Reply("<p>There is nothing here.</p>", 404)

    def _manifest(self) -> dict[str, Any]:
        css = [{"value": path} for path in self._files if path.endswith(".css")]
        js = [{"value": path, "type": "module"} for path in self._files if path.endswith(".js")]
        made = {"name": self.name, "version": VERSION, "content": "/", "fallback": "/fallback", "css": css, "js": js}
        return made | dict(self._more)
