"""Checks of every request before routing: its host, and that it came over TLS.

Public: `BODY_BYTES_MAX`, `is_internal`, `answer_health`, `refused_response`.
"""

from typing import Any

from django.conf import settings

from bff.resilience import log
from shell.responses import PLAIN, Headers, respond
from shell.security import host_allowed

# Forms are all that is ever sent here.
BODY_BYTES_MAX = 64 * 1024
_HOST_CHARS_LOGGED = 100

logger = log.get("admission")


def is_internal(scope: dict[str, Any]) -> bool:
    """Whether the request came to the inner port, by the socket's own address, which no client can choose."""
    server = scope.get("server")
    return bool(settings.INNER_PORT) and server is not None and server[1] == settings.INNER_PORT


async def answer_health(scope: dict[str, Any], send: Any) -> None:
    """The health check: 200 for any host name and without TLS; it says only that this process answers."""
    if scope["method"] in ("GET", "HEAD"):
        headers = (PLAIN, ("cache-control", "no-store"))
        await respond(send, 200, headers, b"ok\n", head_only=scope["method"] == "HEAD")
    else:
        await respond(send, 405, (PLAIN, ("allow", "GET, HEAD")), b"Health is read with GET.\n")


def refused_response(scope: dict[str, Any], host: str) -> tuple[int, Headers, bytes] | None:
    """(status, headers, body) for a foreign host, and for what came without TLS where TLS is demanded."""
    if not host_allowed(host):
        logger.warning("host_refused", host=host[:_HOST_CHARS_LOGGED], path=scope["path"][:_HOST_CHARS_LOGGED])
        return 400, (PLAIN,), b"This site does not answer to that name.\n"
    if settings.SECURE_SSL_REDIRECT and scope.get("scheme", "http") != "https":
        query = scope["query_string"].decode("latin-1")
        path = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
        return 301, (("location", f"https://{host}{path}" + ("?" + query if query else "")),), b""
    return None
