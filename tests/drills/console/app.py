"""The console as an ASGI application: its page and its API.

Public: `Console`.

    GET   /                    /console.css  /tokens.css  /*.js
    GET   /api/system          GET   /api/catalogue
    POST  /api/break           {"hop", "fault", "attributes", "for_s", "share", "session", "stream"}
    POST  /api/heal            {"hop"}, or {} for all
    POST  /api/tester          {"on"}
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests.drills.console import border, files, tester
from tests.drills.console.desk import Desk, Nonsense, Unavailable
from tests.drills.console.places import Places

BODY_BYTES_MAX = 64 * 1024
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
_JSON = b"application/json"
_NOSNIFF = (b"x-content-type-options", b"nosniff")


class Console:
    """`desk` carries out the requests; none reaches it without the token."""

    def __init__(self, places: Places, desk: Desk) -> None:
        self._places, self._desk = places, desk
        self._files = files.load()
        self._page_headers = [
            (b"content-security-policy", border.policy(places.pages).encode()),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cache-control", b"no-store"),
        ]

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, port = scope["path"], self._places.port
        if path == "/healthz":
            await _respond(send, 200, b'{"status": "ok"}', _JSON)
        elif path.startswith("/api/"):
            if refused := border.refusal(scope["headers"], port, self._places.token):
                await _problem(send, refused.status, refused.sentence)
            else:
                await self._serve(scope, receive, send)
        elif border.host_refusal(scope["headers"], port):
            # Under another host name the page would not work; a person who typed 127.0.0.1 is redirected, with the
            # token.
            await _respond(send, 307, b"", b"text/plain", [(b"location", f"{border.origin(port)}/".encode())])
        elif path not in self._files or scope["method"] not in ("GET", "HEAD"):
            await _problem(send, 404, "There is nothing here.")
        else:
            kind, body = self._files[path]
            await _respond(send, 200, b"" if scope["method"] == "HEAD" else body, kind, self._page_headers)

    async def _serve(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        cookies = b"; ".join(value for name, value in scope["headers"] if name == b"cookie").decode("latin-1")
        headers: Headers = []
        try:
            match scope["method"], scope["path"]:
                case "GET", "/api/system":
                    answer = self._desk.system(tester.carried(cookies))
                case "GET", "/api/catalogue":
                    answer = await self._desk.catalogue()
                case "POST", "/api/break":
                    answer = await self._desk.break_(await _read(receive))
                case "POST", "/api/heal":
                    answer = await self._desk.heal(await _read(receive))
                case "POST", "/api/tester":
                    mark = self._desk.mark_for(await _read(receive))
                    headers, answer = [(b"set-cookie", tester.set_cookie(mark).encode())], {"tester": bool(mark)}
                case _:
                    await _problem(send, 404, "There is nothing here.")
                    return
        except Nonsense as problem:
            await _problem(send, 400, str(problem))
        except Unavailable as problem:
            await _problem(send, 503, str(problem))
        else:
            await _respond(send, 200, json.dumps(answer).encode(), _JSON, headers)


async def _read(receive: Receive) -> dict[str, Any]:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise Nonsense(f"More than {BODY_BYTES_MAX} bytes were sent.")
        if not message.get("more_body"):
            break
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Nonsense("What was sent is no JSON.") from error
    if not isinstance(found, dict):
        raise Nonsense("A JSON object is wanted.")
    return found


async def _problem(send: Send, status: int, sentence: str) -> None:
    await _respond(send, status, json.dumps({"problem": sentence}).encode(), _JSON)


async def _respond(send: Send, status: int, body: bytes, kind: bytes, more: Headers | None = None) -> None:
    own = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), _NOSNIFF]
    if not more or all(name != b"cache-control" for name, _ in more):
        own.append((b"cache-control", b"no-store"))
    await send({"type": "http.response.start", "status": status, "headers": [*own, *(more or [])]})
    await send({"type": "http.response.body", "body": body})
