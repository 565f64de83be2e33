"""Fragments' APIs through the shell's proxy path, in this process and without a database.

Public: `Proxied`, `ProxiedRequest`, `SAME_ORIGIN`.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace, TracebackType
from typing import Any, Self, cast
from urllib.parse import unquote

import msgspec

from bff.contracts.manifest import Manifest
from shell.composition.page import Page, PageTable, Slot
from shell.composition.proxy_policy import ProxyPolicy
from shell.composition.release import Release, Snapshot, Trust
from shell.composition.upstreams import Upstreams
from shell.proxy.path import ProxyPath
from shell.wiring import Parts

SAME_ORIGIN = {"sec-fetch-site": "same-origin", "sec-fetch-dest": "empty", "sec-fetch-mode": "cors"}
PREFIX = "/slots/lobby/podlet"


@dataclass
class ProxiedRequest:
    """One request in flight: `status` and `headers` once they have come, `body` as far as it has come."""

    served: bool | None = None
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False
    pieces: int = 0
    began: asyncio.Event = field(default_factory=asyncio.Event)
    piece: asyncio.Event = field(default_factory=asyncio.Event)
    incoming: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    task: "asyncio.Task[None] | None" = None

    @property
    def problem(self) -> str:
        """The word of the problem in the answer."""
        return str(json.loads(self.body)["code"])

    def json(self) -> Any:
        return json.loads(self.body)

    def send(self, chunk: bytes, *, more: bool = True) -> None:
        self.incoming.put_nowait({"type": "http.request", "body": chunk, "more_body": more})

    def leave(self) -> None:
        self.incoming.put_nowait({"type": "http.disconnect"})

    async def receive(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self.began.set()
            return
        self.body += message["body"]
        self.pieces += bool(message["body"])
        self.whole = not message["more_body"]
        self.piece.set()


class Proxied:
    """`async with Proxied({"name": …}, manifest_url) as shell: await shell.get("api/rows")`."""

    def __init__(
        self,
        manifest: Mapping[str, Any],
        manifest_url: str,
        policy: ProxyPolicy | None = None,
        *,
        trusted: bool = True,
        release: Release | None = None,
    ) -> None:
        parsed = msgspec.convert({"name": "podlet", "version": "1", **manifest}, Manifest)
        trust = Trust.FIRST_PARTY if trusted else Trust.SANDBOXED
        self.release = release or Release("podlet", "d" * 64, parsed, manifest_url, b"", (), (), trust=trust)
        slot = Slot("podlet", "podlet")
        self.upstreams = Upstreams(proxy_policy=policy)
        self.revocations = SimpleNamespace(
            revoked_sessions=SimpleNamespace(is_revoked=lambda mark: False), covers=lambda identity: False
        )
        parts = SimpleNamespace(
            pages=PageTable(
                [Page("lobby", "/", "lobby.html", (slot,)), Page("other", "/other/", "other.html", (slot,))]
            ),
            registry=SimpleNamespace(current=Snapshot(1, {"podlet": self.release})),
            upstreams=self.upstreams,
            revocations=self.revocations,
            bearer=lambda visit, audience, scopes, life_s: f"{visit.player} for {audience}",
        )
        self.path = ProxyPath(cast(Parts, parts))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.upstreams.aclose()

    def begin(
        self,
        method: str,
        rest: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        body: bytes | None = b"",
        prefix: str = PREFIX,
    ) -> ProxiedRequest:
        """Starts a request. With `body` None the body is sent by `ProxiedRequest.send`."""
        sent = {"host": "localhost", **SAME_ORIGIN, **(headers or {})}
        if body:
            sent.setdefault("content-length", str(len(body)))
        raw = f"{prefix}/{rest}"
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items() if value],
            "client": ("192.0.2.1", 1),
            "scheme": "http",
        }
        request = ProxiedRequest()
        if body is not None:
            request.send(body, more=False)

        async def serve() -> None:
            request.served = await self.path.serve(scope, cast(Any, request.incoming.get), cast(Any, request.receive))

        request.task = asyncio.create_task(serve())
        return request

    async def ask(self, method: str, rest: str, **more: Any) -> ProxiedRequest:
        """Sends a request and waits for its end."""
        request = self.begin(method, rest, **more)
        assert request.task is not None
        await asyncio.wait_for(request.task, 20)
        return request
