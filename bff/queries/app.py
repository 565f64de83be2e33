"""The read side as a raw ASGI application.

Public: `Queries`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from bff.contracts import codes, text
from bff.contracts.paths import HEALTH_PATH, METRICS_PATH
from bff.contracts.player_context import ContextRefused, PlayerContext, check
from bff.contracts.problem import PROBLEM_TYPE
from bff.queries.metrics import Metrics
from bff.queries.policy import QUERIES, QueriesPolicy
from bff.queries.refusal import ViewRefused
from bff.queries.routes import views_of
from bff.queries.view_request import ViewRequest
from bff.resilience import log
from bff.resilience.lifespan import serve_lifespan
from bff.resilience.pubsub import cancel
from bff.store import Store, StoreUnavailable

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

JSON_TYPE = "application/json"
_encoder = msgspec.json.Encoder()


class Queries:
    """Views out of the query store, `/healthz` and `/metrics`. Answers 503 `store_down` while the store is away."""

    def __init__(self, store: Store, public_key_pem: str, policy: QueriesPolicy = QUERIES) -> None:
        self._store = store
        self._public_key_pem = public_key_pem
        self._policy = policy
        self.metrics = Metrics()
        self._logger = log.get("queries")
        self._store_is_up = True
        self._announcing: asyncio.Task[None] | None = None
        self._views = views_of(store, policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Not every server speaks lifespan (daphne does not), so the first scope of any kind starts the background work.
        if self._announcing is None:
            self._announcing = asyncio.create_task(
                self._announce(), context=Context()
            )  # not part of a request's context
        if scope["type"] == "lifespan":
            await serve_lifespan(receive, send, stop=self._stop)
        elif scope["type"] == "http":
            await self._answer(scope, send)

    async def _answer(self, scope: Scope, send: Send) -> None:
        path, began = scope["path"], time.perf_counter()
        if path == HEALTH_PATH:
            body = _encoder.encode({"status": "ok", "store": "up" if self._store_is_up else "down"})
            return await _send(scope, send, 200, JSON_TYPE, body)
        if path == METRICS_PATH:
            return await _send(scope, send, 200, "text/plain; version=0.0.4; charset=utf-8", self.metrics.page())
        found = self._views.find(path)
        name = found[0].name if found else "none"
        try:
            if found is None:
                raise ViewRefused(404, "not_found", f"There is no view at {path[:128]}.")
            if scope["method"] not in ("GET", "HEAD"):
                raise ViewRefused(405, "method_not_allowed", "Views are read with GET.")
            route, last = found
            # Authorization comes first: an unauthorized caller learns nothing, not even whether its query is valid.
            player = self._player(scope)
            route.admit(player)
            view = await route.read(ViewRequest(self._query(scope), player, last))
        except ViewRefused as refused:
            return await self._refuse(scope, send, name, refused, began)
        except StoreUnavailable as error:
            self._note_store(up=False, detail=str(error))
            refusal = ViewRefused(
                503, codes.STORE_DOWN, "The query store does not answer; nothing can be read for the moment."
            )
            return await self._refuse(scope, send, name, refusal, began)
        except msgspec.ValidationError as error:
            # Two releases of a writer and this reader disagree; the record heals when it is next put.
            self._logger.error("record_unreadable", view=name, detail=str(error))
            refusal = ViewRefused(500, "record_unreadable", "What the query store holds for this view can not be read.")
            return await self._refuse(scope, send, name, refusal, began)
        self._note_store(up=True)
        self.metrics.answered(name, 200, time.perf_counter() - began, pending=view.pending)
        await _send(scope, send, 200, JSON_TYPE, _encoder.encode(view))
        return None

    def _query(self, scope: Scope) -> dict[str, str]:
        raw: bytes = scope["query_string"]
        try:
            if len(raw) > self._policy.query_bytes_max:
                raise ValueError("too long")
            query = dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=16))
            text.check_fields(query)
            return query
        except text.TextRefused as error:
            raise ViewRefused(400, "text_refused", f"The query is no plain text: {error}.") from error
        except ValueError as error:
            raise ViewRefused(400, "query_invalid", "The query string can not be read.") from error

    def _player(self, scope: Scope) -> PlayerContext | None:
        bearer = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        if bearer is None:
            return None
        try:
            return check(bearer.decode("latin-1"), self._public_key_pem, now=int(time.time()))
        except ContextRefused as error:
            raise ViewRefused(
                error.status, error.code, "The player context was not accepted; mint another and try again."
            ) from error

    async def _refuse(self, scope: Scope, send: Send, name: str, refused: ViewRefused, began: float) -> None:
        problem = refused.problem
        self.metrics.answered(name, problem.status, time.perf_counter() - began)
        extra = {503: [(b"retry-after", b"1")], 405: [(b"allow", b"GET, HEAD")]}.get(problem.status, [])
        if problem.status == 401:
            extra = [(b"www-authenticate", b"Bearer")]
        await _send(scope, send, problem.status, PROBLEM_TYPE, _encoder.encode(problem), extra)

    def _note_store(self, *, up: bool, detail: str = "") -> None:
        """Log a change of the store's state once, not with each request."""
        if up == self._store_is_up:
            return
        self._store_is_up = up
        if up:
            self._logger.info("store_answers_again")
        else:
            self._logger.warning("store_down", reason=StoreUnavailable.reason.value, detail=detail)

    async def _stop(self) -> None:
        if self._announcing is not None:
            await cancel([self._announcing])
        await self._store.aclose()

    async def _announce(self) -> None:
        """Announce feeds that fell silent to open pages: their ingest process may be dead, this one is not."""
        while True:
            try:
                await self._store.announce()
                self._note_store(up=True)
            except StoreUnavailable as error:
                self._note_store(up=False, detail=str(error))
            await asyncio.sleep(self._policy.announce_s)


async def _send(
    scope: Scope, send: Send, status: int, kind: str, body: bytes, extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"private, no-store"),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
