"""A fragment's own API: `/slots/<page>/<slot>/<target>/<rest>` -> the proxy of that name in the manifest, and back.

Public: `ProxyPath`.
Forms are the actions' (shell/actions.py). What passes and what does not: decisions/0007.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable
from django.conf import settings

from bff.contracts.headers import IDEMPOTENCY_KEY
from bff.contracts.idempotency import is_form_key
from bff.resilience import log
from bff.resilience.deadline import Deadline
from bff.resilience.exchange import Exchange, StreamRequest
from bff.resilience.outcome import Failure
from shell.admission import refused_response
from shell.composition.include import Include
from shell.composition.page import Visit, split_tag
from shell.composition.preview import snapshot_shown
from shell.composition.requests import api_headers
from shell.composition.slot_path import SLOTS_PREFIX
from shell.players.authentication import authenticate_cookies, find_actor
from shell.players.identity import Identity
from shell.players.session import SessionUnverified
from shell.proxy.address import Address, AddressRefused, query_passes, read_address
from shell.proxy.admission import UNSAFE, Rejection, is_form, rejection
from shell.proxy.answers import Reply
from shell.proxy.header_rules import request_headers
from shell.proxy.incoming_body import BodyTooSlow, BrowserLeft, IncomingBody
from shell.proxy.limits import VisitorLimits
from shell.proxy.locations import Place
from shell.proxy.relay import Relay, log_failure
from shell.responses import respond
from shell.visits import Incoming, visit_of
from shell.wiring import Parts

logger = log.get("proxy")

_GONE = Rejection(409, "release", "What drew this page is no longer there. Nothing was done; load the page again.")
_NOTHING = Rejection(404, "not_found", "There is no such address. Nothing was done.")
_SIGN_IN = Rejection(401, "unauthorised", "Sign in first. Nothing was done.")
_UNVERIFIED = Rejection(503, "session", "Your sign-in can not be checked just now, so nothing was done. Try again.")
_LARGE = Rejection(413, "oversize", "This is larger than anything that can be sent here. Nothing was done.")
_SLOW = Rejection(408, "slow", "What you sent did not come in time. Nothing was done; try again.")
_BUSY = Rejection(429, "busy", "Too much is open at once. Close a page of this site, or try again in a moment.")


@dataclass(frozen=True, slots=True)
class _Call:
    """An authenticated request to a fragment's API."""

    include: Include
    place: Place
    identity: Identity | None
    visitor: str


class ProxyPath:
    """Answers what is addressed to a proxy; `serve` is False for everything else, forms among it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._policy = parts.upstreams.proxy_policy
        self._limits = VisitorLimits(self._policy)
        self._relay = Relay(parts.revocations, idle_ms=self._policy.idle_ms)

    async def serve(self, scope: dict[str, Any], receive: ASGIReceiveCallable, send: ASGISendCallable) -> bool:
        """Whether the request was this path's; if so it has been answered."""
        if not scope["path"].startswith(SLOTS_PREFIX):
            return False
        incoming = Incoming.of(scope)
        if is_form(incoming.method, incoming.headers):
            return False
        reply = Reply(send, incoming.method, htmx=incoming.headers.get("hx-request") == "true")
        try:
            address = read_address(scope.get("raw_path") or b"", incoming.path)
        except AddressRefused as error:
            await reply.problem(400, "address", f"This address can not be passed on: {error}. Nothing was done.")
            return True
        if address is None:
            return False
        refusal = refused_response(scope, incoming.headers.get("host", ""))
        if refusal is not None:
            await respond(send, *refusal)
            return True
        no = rejection(incoming.method, incoming.headers, scheme=incoming.scheme)
        key = incoming.headers.get(IDEMPOTENCY_KEY, "")
        if no is None and key and not is_form_key(key):
            no = Rejection(400, "idempotency_key", "The Idempotency-Key is none. Nothing was done.")
        if no is None and len(scope["query_string"]) > self._policy.query_bytes_max:
            no = Rejection(414, "query", "The query is longer than what is passed on. Nothing was done.")
        found = no or await self._find(incoming, address, scope, reply)
        if isinstance(found, Rejection):
            await reply.refuse(found)
            return True
        async with self._limits.entered(found.visitor, found.include.slot.fragment) as room:
            if room:
                await self._pass_on(incoming, found, receive, reply)
            else:
                await reply.refuse(_BUSY)
        return True

    async def _find(
        self, incoming: Incoming, address: Address, scope: dict[str, Any], reply: Reply
    ) -> _Call | Rejection:
        """The request's player and target; the shell's own cookies are put on the reply."""
        parts = self._parts
        found = parts.pages.by_key(address.key)
        name, tag = split_tag(address.slot)
        slot = found[0].slot(name) if found else None
        release = snapshot_shown(parts.registry.current).drawn_by(slot.fragment, tag) if slot else None
        if slot is not None and release is None and tag:
            return _GONE
        url = release.proxy_url(address.target, address.rest) if release else None
        target_url = release.proxy_url(address.target, "") if release else None
        if found is None or slot is None or release is None or url is None or target_url is None:
            return _NOTHING
        who = await self._identity(incoming, reply)
        if isinstance(who, Rejection):
            return who
        if who is None and address.target not in release.manifest.mullion.visitors:
            return _SIGN_IN
        query = scope["query_string"].decode("latin-1")
        if not query_passes(query):
            return Rejection(400, "query", "The query holds what must be encoded. Nothing was done.")
        visit: Visit = visit_of(incoming, *found, who)
        include = Include(slot, visit, release)
        if query:
            url += ("&" if "?" in url else "?") + query
        place = Place(
            url, target_url, include.prefix, address.target, settings.PUBLIC_URL, lambda path: _is_page(parts, path)
        )
        client = scope.get("client") or ("",)
        return _Call(include, place, who, who.player if who else f"address {client[0]}")

    async def _identity(self, incoming: Incoming, reply: Reply) -> Identity | Rejection | None:
        """Unsafe methods need a session that is verified in the database; safe ones accept the signed cookie."""
        if incoming.method in UNSAFE:
            try:
                return await find_actor(incoming.cookies)
            except SessionUnverified as error:
                logger.warning("proxy_not_sent", path=incoming.path[:200], detail=str(error))
                return _UNVERIFIED
        auth_result = await authenticate_cookies(incoming.cookies, self._parts.revocations)
        reply.cookies = auth_result.cookies
        return auth_result.identity if auth_result.certain else _UNVERIFIED

    async def _pass_on(self, incoming: Incoming, call: _Call, receive: ASGIReceiveCallable, reply: Reply) -> None:
        body = IncomingBody(incoming.headers, receive, self._policy)
        if body.length is not None and body.length > self._policy.upload_bytes_max:
            await reply.refuse(_LARGE)
            return
        try:
            content = b"" if body.large else await body.whole()
        except BrowserLeft:
            return
        except BodyTooSlow:
            await reply.refuse(_SLOW)
            return
        exchange = Exchange(body.chunks(), body.length) if body.large else Exchange()
        answering = asyncio.ensure_future(self._exchange(incoming, call, exchange, content, reply))
        leaving = asyncio.ensure_future(body.left())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            exchange.close()
            for task in (answering, leaving):
                task.cancel()
            results = await asyncio.gather(answering, leaving, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]

    async def _exchange(
        self, incoming: Incoming, call: _Call, exchange: Exchange, content: bytes, reply: Reply
    ) -> None:
        include, upload = call.include, exchange.body is not None
        headers = [*api_headers(include, self._parts.bearer), *request_headers(incoming.headers)]
        if key := incoming.headers.get(IDEMPOTENCY_KEY):
            headers.append((IDEMPOTENCY_KEY, key))
        sent = StreamRequest(
            incoming.method, call.place.url, tuple(headers), content, caller=call.visitor, exchange=exchange
        )
        guard = self._parts.upstreams.api_of(include.published, upload=upload)
        deadline = Deadline.after_ms(time.monotonic(), self._policy.upload_ms if upload else self._policy.head_ms)
        # Invalid answers for one player must not affect other players.
        path = call.place.url.partition("?")[0]
        ended = await guard.call(sent, deadline, resource=(include.visit.player, incoming.method, path))
        if exchange.answer is not None:
            await self._relay.answer(exchange.answer, call.include, call.place, call.identity, reply, incoming)
        elif isinstance(ended, Failure):
            log_failure(include, ended.reason, ended.detail)
            if ended.detail == "the upload is too large":
                await reply.refuse(_LARGE)
            else:
                await reply.failed(ended)


def _is_page(parts: Parts, path: str) -> bool:
    return parts.pages.match(path) is not None
