"""The HTTP API, in Toxiproxy's shape: an ASGI application over the proxies.

Public: `Api`, `VERSION`.

    GET POST          /proxies                       GET POST          /proxies/{name}/toxics
    GET PATCH DELETE  /proxies/{name}                GET PATCH DELETE  /proxies/{name}/toxics/{toxic}
    POST              /populate  /reset              GET               /version  /absent  /healthz

    PUT               /proxies/{name}/framing              GET               /proxies/{name}/ended

Beyond Toxiproxy's fields a toxic takes `ttl_s` and `session`, and a disabled proxy `ttl_s`. A toxic also has its
`number`, which no other has, and how many requests or connections it `hits`; `ended` lists the last ended toxics as
they were. `/absent` lists hops that can not be broken, with the reason. `framing` lets one loopback origin show the
proxy's pages in a frame.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

from tests.drills.proxy import border, problems
from tests.drills.proxy.collection import Proxies
from tests.drills.proxy.problems import ApiProblem

VERSION = "2.12.0"  # the Toxiproxy whose API this follows
BODY_BYTES_MAX = 1 << 20
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Answer = tuple[int, object]


class Api:
    """`clock` gives seconds; faults expire by it. `absent` maps a hop that does not exist to the reason."""

    def __init__(
        self, proxies: Proxies, port: int, clock: Callable[[], float], absent: Mapping[str, str] | None = None
    ) -> None:
        self._proxies, self._clock, self._absent = proxies, clock, dict(absent or {})
        self._hosts = border.loopback_hosts(port)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            if (problem := border.refusal(scope["headers"], self._hosts)) is not None:
                raise problem
            path = [unquote(part) for part in scope["raw_path"].decode("latin-1").strip("/").split("/")]
            status, answer = await self._do(scope["method"], path, await _read(receive))
        except ApiProblem as problem:
            status, answer = problem.status, problem.body()
        body = b"" if answer is None else json.dumps(answer).encode() + b"\n"
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _do(self, method: str, path: list[str], raw: bytes) -> Answer:
        if method == "POST" and path[0] == "proxies" and len(path) in (2, 4):
            method = "PATCH"  # for Toxiproxy's older clients, which update by POST
        match method, path:
            case "GET", ["version"]:
                return 200, {"version": VERSION}
            case "GET", ["healthz"]:
                return 200, {"proxies": len([*self._proxies])}
            case "GET", ["absent"]:
                return 200, self._absent
            case "POST", ["reset"]:
                await self._proxies.reset()
                return 204, None
            case "POST", ["populate"]:
                made = await self._proxies.populate(_json(raw), self._clock())
                return 201, {"proxies": [each.body(self._clock()) for each in made]}
            case "PUT", ["proxies", name, "framing"]:
                self._proxies.get(name).let_frame(_json(raw), self._clock())
                return 204, None
            case "GET", ["proxies", name, "ended"]:
                return 200, [each.body(self._clock()) for each in self._proxies.get(name).ended]
            case _, ["proxies", *names] if len(names) < 2:
                return await self._proxy(method, names, raw)
            case _, ["proxies", name, "toxics", *names] if len(names) < 2:
                return self._toxic(method, name, names, raw)
        raise ApiProblem(f"there is no {method} /{'/'.join(path)[:128]}", 404)

    async def _proxy(self, method: str, names: list[str], raw: bytes) -> Answer:
        proxies, now = self._proxies, self._clock()
        match method, names:
            case "GET", []:
                return 200, {each.name: each.body(now) for each in proxies}
            case "POST", []:
                return 201, (await proxies.create(_json(raw), now)).body(now)
            case "GET", [name]:
                return 200, proxies.get(name).body(now)
            case "PATCH", [name]:
                return 200, (await proxies.update(name, _json(raw), now)).body(now)
            case "DELETE", [name]:
                proxies.delete(name)
                return 204, None
        raise ApiProblem(f"method not allowed: {method}", 405)

    def _toxic(self, method: str, name: str, names: list[str], raw: bytes) -> Answer:
        proxy, now = self._proxies.get(name), self._clock()
        match method, names:
            case "GET", []:
                return 200, [each.body(now) for each in proxy.toxics]
            case "POST", []:
                return 200, proxy.add(_json(raw), now).body(now)
            case "GET", [toxic]:
                return 200, proxy.toxic(toxic).body(now)
            case "PATCH", [toxic]:
                return 200, proxy.update(toxic, _json(raw), now).body(now)
            case "DELETE", [toxic]:
                proxy.remove(toxic)
                return 204, None
        raise ApiProblem(f"method not allowed: {method}", 405)


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise ApiProblem(f"bad request body: more than {BODY_BYTES_MAX} bytes", 413)
        if not message.get("more_body"):
            return bytes(body)


def _json(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise problems.bad_body(f"this is no JSON: {error}") from error
