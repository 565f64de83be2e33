"""Answers of the raw page path, with the security headers that Django's middleware gives to its own.

Public: `Headers`, `PLAIN`, `INERT`, `NOTICE_EVENT`, `respond`, `start_response`.
"""

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus

from asgiref.typing import ASGISendCallable

from shell.security import header_list

Headers = Iterable[tuple[str, str]]

# In `HX-Trigger`, with the notice that `static/slots.js` then shows.
NOTICE_EVENT = "mullion:notice"
PLAIN = ("content-type", "text/plain; charset=utf-8")
# Opened by itself a file of a fragment is a document without scripts and of no origin; a drawing may look as it looks.
INERT = (("content-security-policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'"),)


async def respond(
    send: ASGISendCallable, status: int, headers: Headers, body: bytes, *, head_only: bool = False
) -> None:
    """The whole answer; without `body` for HEAD."""
    await start_response(send, status, (*headers, ("content-length", str(len(body)))))
    await send({"type": "http.response.body", "body": b"" if head_only else body, "more_body": False})


async def start_response(send: ASGISendCallable, status: int, headers: Headers, *, policy: str = "") -> None:
    """Status and headers; the body is the caller's to send. `policy` is the page's own, if it has one."""
    pairs = [*_encoded(headers), *_security_headers(policy)]
    await send({"type": "http.response.start", "status": HTTPStatus(status), "headers": pairs, "trailers": False})


@lru_cache(maxsize=64)
def _security_headers(policy: str) -> list[tuple[bytes, bytes]]:
    own = {"content-security-policy": policy} if policy else {}
    return _encoded({**dict(header_list()), **own}.items())


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
