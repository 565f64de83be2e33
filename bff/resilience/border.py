"""The border of an ASGI application: one reading of a request's headers for everything behind it, on every server.

Public: `Border`.

What comes in is refused or made plain before the application sees it:

- A field that decides something and stands twice (two `Host`, two `Content-Length`) is a 400. Any other field that
  comes in several lines is one line, joined as RFC 9110 says, and cookies as RFC 6265 does.
- `X-Forwarded-*` and its relatives never pass. What a trusted proxy reported stands in `scheme` and `client`.
- A name with `_`, which others would read as `-`, is dropped.
- A body over `body_bytes_max` is a 413, whether or not its length was given.
- A WebSocket where none is served is refused.

What is logged while a request is answered carries the id of its trace, if it came with one.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from bff.contracts.headers import IDEMPOTENCY_KEY
from bff.resilience import log
from bff.resilience.proxies import ProxyHops

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
Pairs = Iterable[tuple[bytes, bytes]]

# Fields whose meaning would depend on which line somebody reads.
_SINGLE_FIELDS = frozenset(
    {
        b"authorization",
        b"content-length",
        b"content-type",
        b"host",
        IDEMPOTENCY_KEY.encode(),
        b"origin",
        b"sec-fetch-site",
        b"transfer-encoding",
    }
)
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_NO_BODY = frozenset({"GET", "HEAD", "OPTIONS"})
_DUPLICATE_FIELD = b"This request says one thing twice, so nothing was done. Send it once: "
_TOO_LARGE = b"This request is larger than anything that can be sent here. Nothing was done.\n"


class _DuplicateField(Exception):
    """The name of a field that must stand once."""


class Border:
    """`application` behind its border. `sockets`: it serves WebSockets.

    `body_bytes_max` is one number, or a request's own; where it is None the application limits bodies itself.
    """

    def __init__(
        self,
        application: Application,
        *,
        proxies: ProxyHops = ProxyHops(),  # noqa: B008 (frozen)
        body_bytes_max: int | Callable[[Scope], int | None] | None = None,
        sockets: bool = False,
    ) -> None:
        self.application = application
        self._proxies = proxies
        self._body_bytes_max = body_bytes_max
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.application(scope, receive, send)
        if scope["type"] == "websocket" and not self._sockets:
            return await send({"type": "websocket.close", "code": 1008})
        names = {name for name, _ in scope["headers"]}
        try:
            scope = self._read(scope, names)
        except _DuplicateField as duplicate:
            return await _refuse(scope, send, 400, _DUPLICATE_FIELD + str(duplicate).encode() + b"\n")
        if b"traceparent" in names:
            log.bind_trace(dict(scope["headers"])[b"traceparent"])
        if self._body_bytes_max is not None and scope["type"] == "http" and _may_have_body(scope, names):
            bytes_max = self._body_bytes_max if isinstance(self._body_bytes_max, int) else self._body_bytes_max(scope)
            if bytes_max is None:
                return await self.application(scope, receive, send)
            if _declared_bytes(scope["headers"]) > bytes_max:
                return await _refuse(scope, send, 413, _TOO_LARGE)
            body = _Body(scope, receive, send, bytes_max)
            return await self.application(scope, body.receive, body.send)
        return await self.application(scope, receive, send)

    def _read(self, scope: Scope, names: set[bytes]) -> Scope:
        headers = scope["headers"]
        all_names = b"\n".join(names)
        plain = len(names) == len(headers) and b"_" not in all_names
        if plain and b"forwarded" not in all_names and b"x-real-ip" not in all_names:
            return scope if not self._proxies.hops else {**scope, **self._caller(scope, {})}
        joined = _joined(headers)
        passed = [(name, value) for name, value in joined.items() if not _forwarding(name)]
        return {**scope, "headers": passed, **self._caller(scope, joined)}

    def _caller(self, scope: Scope, joined: dict[bytes, bytes]) -> Scope:
        if not self._proxies.hops or not scope.get("client"):
            return {}
        peer = scope["client"][0]
        reports = (joined.get(b"x-forwarded-for", b""), joined.get(b"x-forwarded-proto", b""))
        caller = self._proxies.caller(peer, *(report.decode("latin-1") for report in reports))
        found: Scope = {} if caller.address == peer else {"client": (caller.address, 0)}
        if caller.scheme:
            found["scheme"] = caller.scheme.replace("http", "ws") if scope["type"] == "websocket" else caller.scheme
        return found


def _joined(headers: Pairs) -> dict[bytes, bytes]:
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        if b"_" in name:
            continue
        if name not in joined:
            joined[name] = value
        elif name in _SINGLE_FIELDS:
            raise _DuplicateField(name.decode("latin-1"))
        else:
            joined[name] += (b"; " if name == b"cookie" else b", ") + value
    return joined


def _forwarding(name: bytes) -> bool:
    return name.startswith(b"x-forwarded-") or name in (b"forwarded", b"x-real-ip")


def _may_have_body(scope: Scope, names: set[bytes]) -> bool:
    return scope["method"] not in _NO_BODY or not names.isdisjoint(_FRAMING)


def _declared_bytes(headers: Pairs) -> int:
    return next((int(value) for name, value in headers if name == b"content-length" and value.isdigit()), 0)


async def _refuse(scope: Scope, send: Send, status: int, text: bytes) -> None:
    kind = "http.response"
    if scope["type"] == "websocket":
        kind = "websocket.http.response"
        if kind not in (scope.get("extensions") or {}):
            # The one way that every server has: a 403.
            await send({"type": "websocket.close", "code": 1008})
            return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text))]
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": b"" if scope.get("method") == "HEAD" else text})


class _Body:
    """Counts the received bytes: at the limit it answers 413, and the application sees a disconnect."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, bytes_max: int) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._left = bytes_max
        self._answered = False

    async def receive(self) -> Any:
        if self._left < 0:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left >= 0:
            return message
        if not self._answered:
            await _refuse(self._scope, self._send, 413, _TOO_LARGE)
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if self._left < 0 and not self._answered:
            return  # answered here
        self._answered = True
        await self._send(message)
