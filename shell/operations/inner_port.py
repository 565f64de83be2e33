"""The inner port: health, metrics and the status board for operators and machines inside the network. It serves no
page.

Public: `InnerPort`.
Host names and TLS are checked on the public port only: inside the network a process is called by any address it has.
"""

from typing import Any

import msgspec
from django.http import HttpRequest
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bff.contracts.paths import HEALTH_PATH, METRICS_PATH, READY_PATH, REGISTRY_CURRENT
from shell.composition.assets import PREFIX as STATIC_PREFIX
from shell.operations.views import board_page
from shell.page_path import PagePath
from shell.responses import PLAIN, respond
from shell.wiring import Parts

# This query makes the answer include everything that was published before the request, not only what was polled last.
_CURRENT = (READY_PATH, REGISTRY_CURRENT.encode())
_NOTHING = f"Here are {HEALTH_PATH}, {READY_PATH}, {METRICS_PATH} and /operations/.\n".encode()


class InnerPort:
    """Answers GET and HEAD."""

    def __init__(self, parts: Parts, pages: PagePath) -> None:
        self._parts = parts
        self._pages = pages

    async def serve(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """One request."""
        path, method = scope["path"], scope["method"]
        if method not in ("GET", "HEAD"):
            await respond(send, 405, (PLAIN, ("allow", "GET, HEAD")), _NOTHING)
        elif path.startswith(STATIC_PREFIX):
            await self._pages.serve(scope, receive, send)
        else:
            read = (path, scope["query_string"]) != _CURRENT or await self._parts.registry.catch_up()
            status, kind, body = self._found(path, read)
            headers = (("content-type", kind), ("cache-control", "no-store"))
            await respond(send, status, headers, body, head_only=method == "HEAD")

    def _found(self, path: str, read: bool) -> tuple[int, str, bytes]:
        if path == READY_PATH:
            return 200 if read else 503, "application/json", msgspec.json.encode(self._readiness(read))
        if path == METRICS_PATH:
            return 200, CONTENT_TYPE_LATEST, generate_latest()
        if path == "/operations/":
            return 200, "text/html; charset=utf-8", board_page(HttpRequest(), self._parts).encode()
        return 404, PLAIN[1], _NOTHING

    def _readiness(self, read: bool) -> dict[str, Any]:
        """The state that this process serves from. It is ready while it can serve pages, whatever the state of its
        fragments.
        """
        current, status = self._parts.registry.current, "ok" if read else "registry unread"
        return {"status": status, "generation": current.generation, "fragments": sorted(current.releases)}
