"""The hot path: page GETs, slot retries and static copies, straight from ASGI, without Django's handler.

Public: `PagePath`.
What Django's middleware would do is done here by name: allowed hosts, TLS redirect, security headers, slash redirects.
"""

import asyncio
import secrets
import time
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable
from django.conf import settings
from msgspec import structs

from bff.contracts.paths import LIVE_PATH
from bff.resilience import log
from shell.admission import refused_response
from shell.composition import metrics
from shell.composition.assets import LAYOUTS, static_file
from shell.composition.assets import PREFIX as STATIC_PREFIX
from shell.composition.content_coding import CodedBody
from shell.composition.page import Page, Visit, split_tag
from shell.composition.page_names import NAMES_TAKEN, read_names_taken
from shell.composition.preview import snapshot_shown
from shell.composition.release import ASSETS_PREFIX, StoredAsset
from shell.composition.retry_delay import ATTEMPT_MAX
from shell.composition.slot_path import SLOTS_PREFIX
from shell.composition.stream import Composition, timing
from shell.cookies import set_cookie
from shell.edge_cache import HELD, held_by_an_edge
from shell.page_policy import page_policy
from shell.page_views import page_view_token
from shell.pages.errors import BROKEN
from shell.players.authentication import authenticate_cookies
from shell.responses import INERT, PLAIN, respond, start_response
from shell.visits import Incoming, visit_of
from shell.wiring import Parts

LAYOUTS_PREFIX = f"{STATIC_PREFIX}{LAYOUTS}/"
TICKET_PATH = "/live/ticket"
_HTML = ("content-type", "text/html; charset=utf-8")
_NEVER_STORED = ("cache-control", "private, no-store")
_FOR_EVER = ("cache-control", "public, max-age=31536000, immutable")
_READS = frozenset({"GET", "HEAD"})

logger = log.get("pages")


class PagePath:
    """Answers what it knows; `serve` is False for everything that is Django's."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def serve(self, scope: dict[str, Any], receive: ASGIReceiveCallable, send: ASGISendCallable) -> bool:
        """Whether the request was this path's; if so it has been answered."""
        path, method = scope["path"], scope["method"]
        if method not in _READS:
            return False
        if path.startswith(ASSETS_PREFIX):
            await self._asset(path.removeprefix(ASSETS_PREFIX), scope, send)
        elif path.startswith(STATIC_PREFIX):
            await self._static(path, scope, send)
        elif (route := self._route(path)) is not None:
            incoming = Incoming.of(scope)
            refusal = refused_response(scope, incoming.headers.get("host", ""))
            if refusal is not None:
                await respond(send, *refusal)
            else:
                await route(incoming, receive, send)
        else:
            return False
        return True

    def _route(self, path: str) -> Any:
        if path == TICKET_PATH:
            return self._ticket
        if path.startswith(SLOTS_PREFIX):
            return self._slot
        if self._parts.pages.match(path):
            return self._page
        if not path.endswith("/") and self._parts.pages.match(path + "/"):
            return self._slash
        return None

    async def _page(self, incoming: Incoming, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        matched = self._parts.pages.match(incoming.path)
        assert matched is not None, "the route was chosen by this match"
        visit, cookies = await self._visit(incoming, *matched)
        snapshot = snapshot_shown(self._parts.registry.current)
        if snapshot.canaries:
            visit, cookies = _as_visitor(visit, cookies)
        composition = self._parts.composer.compose(visit, snapshot)
        policy = page_policy(visit, snapshot)
        head_only = incoming.method == "HEAD"
        held = held_by_an_edge(incoming, cookies, snapshot)
        streaming = asyncio.ensure_future(_stream(composition, send, cookies, policy, held=held, head_only=head_only))
        leaving = asyncio.ensure_future(_until_left(receive))
        try:
            await asyncio.wait({streaming, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not streaming.done():
                metrics.PAGES_LEFT.labels(visit.page.name).inc()
                logger.debug("page_left", page=visit.page.name)
                streaming.cancel()
        finally:
            leaving.cancel()
            streaming.cancel()
            await composition.close()
            results = await asyncio.gather(streaming, leaving, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]

    async def _slot(self, incoming: Incoming, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        key, _, tagged_name = incoming.path.removeprefix(SLOTS_PREFIX).partition("/")
        slot_name, tag = split_tag(tagged_name)
        found = self._parts.pages.by_key(key)
        slot = found[0].slot(slot_name) if found else None
        if found is None or slot is None:
            await respond(send, 404, (PLAIN,), b"There is no such slot.\n")
            return
        visit, cookies = await self._visit(incoming, *found)
        attempt_text = incoming.query.get("attempt", "")
        attempt = min(int(attempt_text), ATTEMPT_MAX) if attempt_text.isascii() and attempt_text.isdigit() else 0
        page_names = read_names_taken(incoming.headers.get(NAMES_TAKEN))
        included, body = await self._parts.composer.slot(
            slot, visit, snapshot_shown(self._parts.registry.current), page_names, attempt=attempt, tag=tag
        )
        server_timing = ("server-timing", timing(slot.name, included.ms, included.state))
        await respond(
            send, 200, (_HTML, _NEVER_STORED, server_timing, *cookies), body, head_only=incoming.method == "HEAD"
        )

    async def _ticket(self, incoming: Incoming, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        auth_result = await authenticate_cookies(incoming.cookies, self._parts.revocations)
        identity = auth_result.identity
        if not auth_result.certain:
            # A visitor's ticket would end the socket of a player whose session cannot be looked up just then.
            late = (PLAIN, _NEVER_STORED, ("retry-after", "1"))
            await respond(send, 503, late, b"Your sign-in can not be checked for the moment. Ask again.\n")
            return
        ticket = self._parts.minter.live_ticket(
            identity,
            currency=identity.currency if identity else settings.CURRENCY,
            locale=settings.LOCALES[0],
        )
        url = settings.BFF_PUBLIC_URL.replace("http", "ws", 1) + LIVE_PATH
        body = msgspec.json.encode({"ticket": ticket, "url": url})
        cookies = [("set-cookie", cookie) for cookie in auth_result.cookies]
        await respond(send, 200, (("content-type", "application/json"), _NEVER_STORED, *cookies), body)

    async def _slash(self, incoming: Incoming, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        query = "?" + urlencode(incoming.query) if incoming.query else ""
        await respond(send, 301, (("location", quote(incoming.path) + "/" + query),), b"")

    async def _visit(
        self, incoming: Incoming, page: Page, params: dict[str, str]
    ) -> tuple[Visit, list[tuple[str, str]]]:
        auth_result = await authenticate_cookies(incoming.cookies, self._parts.revocations)
        visit = visit_of(incoming, page, params, auth_result.identity)
        return visit, [("set-cookie", cookie) for cookie in auth_result.cookies]

    async def _asset(self, path: str, scope: dict[str, Any], send: ASGISendCallable) -> None:
        asset = await self._find_asset(path, scope["query_string"].decode("latin-1"))
        if asset is None:
            await respond(send, 404, (PLAIN,), b"There is no such asset.\n")
        else:
            await _immutable(scope, send, asset.content_type, asset.body, INERT)

    async def _find_asset(self, path: str, query: str) -> StoredAsset | None:
        """A file of a release by its path (`name/folder/main.js`), or a file by its digest."""
        registry = self._parts.registry
        fragment, _, rest = path.partition("/")
        if not rest:
            return await registry.asset(path) if len(path) == 64 else None
        folder, _, key = rest.partition("/")
        # A script that runs again is loaded again: the page says which time it is.
        named = "&".join(part for part in query.split("&") if part and not part.startswith("run="))
        if named and (asset := await registry.file(fragment, folder, f"{key}?{named}")):
            return asset
        return await registry.file(fragment, folder, key)

    async def _static(self, path: str, scope: dict[str, Any], send: ASGISendCallable) -> None:
        file = static_file(path)
        if file is None and path.startswith(LAYOUTS_PREFIX):
            # Of a page that another process has taken up a moment before this one.
            await self._parts.registry.catch_up()
            file = static_file(path)
        if file is None:
            await respond(send, 404, (PLAIN,), b"There is no such file.\n")
        else:
            await _immutable(scope, send, file.content_type, await file.coded())


def _as_visitor(visit: Visit, cookies: list[tuple[str, str]]) -> tuple[Visit, list[tuple[str, str]]]:
    """The visit by a browser that is recognised, or will be from here on: it gets the same release every time."""
    if visit.visitor:
        return structs.replace(visit, page_view=page_view_token(visit.visitor, time.time())), cookies
    visitor = secrets.token_hex(16)
    cookie = set_cookie(settings.VISITOR_COOKIE_NAME, visitor, age_s=settings.VISITOR_COOKIE_AGE_S)
    viewed = structs.replace(visit, visitor=visitor, page_view=page_view_token(visitor, time.time()))
    return viewed, [*cookies, ("set-cookie", cookie)]


async def _immutable(
    scope: dict[str, Any],
    send: ASGISendCallable,
    content_type: str,
    body: CodedBody,
    more: tuple[tuple[str, str], ...] = (),
) -> None:
    """A file whose address stands for its content, compressed as the browser accepts it."""
    accepted = dict(scope["headers"]).get(b"accept-encoding", b"").decode("latin-1")
    coding, chosen = body.answer_to(accepted)
    headers = (("content-type", content_type), _FOR_EVER, *coding, *more)
    await respond(send, 200, headers, chosen, head_only=scope["method"] == "HEAD")


async def _stream(
    composition: Composition,
    send: ASGISendCallable,
    cookies: list[tuple[str, str]],
    policy: str,
    *,
    held: bool,
    head_only: bool,
) -> None:
    try:
        opening = await composition.open()
    except Exception:
        logger.exception("page_broke")
        await respond(send, 500, (_HTML, _NEVER_STORED), BROKEN.encode(), head_only=head_only)
        return
    stored = HELD if held and opening.status == 200 else (_NEVER_STORED,)
    await start_response(send, opening.status, (_HTML, *stored, *opening.headers, *cookies), policy=policy)
    if head_only:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    await send({"type": "http.response.body", "body": opening.head, "more_body": True})
    async for chunk, more in composition.remaining():
        await send({"type": "http.response.body", "body": chunk, "more_body": more})


async def _until_left(receive: ASGIReceiveCallable) -> None:
    """Ends when the browser has disconnected, which only `receive` reports."""
    while (await receive())["type"] != "http.disconnect":
        pass
