"""An open answer of a fragment's API -> the browser: data as it comes, HTML for htmx whole and contained.

Public: `Relay`, `log_failure`.
"""

import asyncio
import time

from bff.resilience import log
from bff.resilience.exchange import OpenAnswer
from bff.resilience.framing import REDIRECTS
from bff.resilience.message import CallFailed, Response
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from shell.composition.body import content_type_of as html_type_of
from shell.composition.body import links_of
from shell.composition.contain import Refusal, contain
from shell.composition.include import Include
from shell.players.identity import Identity
from shell.players.revocation import Revocations
from shell.proxy.answers import Reply
from shell.proxy.header_rules import answer_headers, content_type_of, is_active
from shell.proxy.locations import Place, public_location
from shell.visits import Incoming

_CODINGS = frozenset({"gzip", "br", "deflate", "zstd"})

logger = log.get("proxy")


class BodyCut(Exception):
    """The body ended before it was whole, after its beginning had been passed on: the connection must end as well."""


class Relay:
    """`idle_ms` is how long a browser may leave a piece unread."""

    def __init__(self, revocations: Revocations, *, idle_ms: int) -> None:
        self._revocations = revocations
        self._idle_ms = idle_ms

    async def answer(
        self,
        answer: OpenAnswer,
        include: Include,
        place: Place,
        identity: Identity | None,
        reply: Reply,
        incoming: Incoming,
    ) -> None:
        """Pass the answer on, or say why it is not."""
        location = public_location(answer.headers.get("location") or "", place)
        if answer.status in REDIRECTS and location is None:
            await self._refuse(
                include, reply, Reason.REDIRECT, "It sends elsewhere, and nobody follows that from here."
            )
            return
        if is_active(content_type_of(answer.headers)):
            await self._refuse(include, reply, Reason.CONTENT_TYPE, "It answered with code, which is not passed on.")
            return
        if not _readable(answer, incoming):
            await self._refuse(include, reply, Reason.ENCODING, "It answered in a coding that was not asked for.")
            return
        headers = [*answer_headers(answer.headers), ("content-type", content_type_of(answer.headers))]
        if location is not None:
            headers.append(("location", location))
        if answer.status >= 500:
            log_failure(include, Reason.UPSTREAM_ERROR, f"it answered {answer.status}, which is passed on")
        try:
            if reply.htmx and (html_type_of(_head(answer)) or "").lower().startswith("text/html"):
                await self._contained(answer, include, reply)
            else:
                await self._stream(answer, headers, identity, reply)
        except CallFailed as failed:
            log_failure(include, failed.reason, failed.detail)
            if reply.started:
                raise BodyCut(str(failed)) from failed
            await reply.failed(Failure(failed.reason, failed.detail))

    async def _stream(
        self, answer: OpenAnswer, headers: list[tuple[str, str]], identity: Identity | None, reply: Reply
    ) -> None:
        if answer.length is not None and answer.status not in (204, 304):
            headers = [*headers, ("content-length", str(answer.length))]
        await reply.start(answer.status, headers)
        async for chunk in answer.chunks:
            if identity is not None and self._session_ended(identity):
                raise CallFailed(Reason.UNAUTHORISED, "the session ended", answered=True)
            try:
                async with asyncio.timeout(self._idle_ms / 1000):
                    await reply.piece(chunk)
            except TimeoutError as error:
                raise CallFailed(Reason.LEFT, "the browser reads no more", answered=True) from error
        await reply.piece(b"", more=False)

    async def _contained(self, answer: OpenAnswer, include: Include, reply: Reply) -> None:
        """HTML that a script of the page will put into it is as safe as the slot's own."""
        declared, body = include.published.manifest.mullion, b""
        async for chunk in answer.chunks:
            body += chunk
            if len(body) > declared.body_bytes_max:
                raise CallFailed(Reason.OVERSIZE, f"more than {declared.body_bytes_max} B of HTML", answered=True)
        if not body.strip():
            await reply.whole(answer.status, "text/html; charset=utf-8", b"")
            return
        contained = contain(
            body,
            html_type_of(_head(answer)),
            prefix=include.prefix,
            isolation=include.published.isolation,
            links=links_of(include.published),
            sandboxed=include.published.sandboxed,
        )
        if isinstance(contained, Refusal):
            raise CallFailed(contained.reason, contained.detail, answered=True)
        await reply.whole(answer.status, "text/html; charset=utf-8", contained.html)

    async def _refuse(self, include: Include, reply: Reply, reason: Reason, words: str) -> None:
        log_failure(include, reason, words)
        await reply.problem(502, reason, words)

    def _session_ended(self, identity: Identity) -> bool:
        return self._revocations.covers(identity) or 0 < identity.ends <= time.time()


def log_failure(include: Include, reason: Reason, detail: str) -> None:
    """A call of a page to its fragment's own API that got no answer, or none that may be passed on."""
    logger.warning(
        "proxy_failed",
        slot=include.slot.name,
        fragment=include.slot.fragment,
        version=include.published.manifest.version,
        reason=str(reason),
        detail=detail,
    )


def _head(answer: OpenAnswer) -> Response:
    return Response(answer.status, answer.headers, b"")


def _readable(answer: OpenAnswer, incoming: Incoming) -> bool:
    coding = (answer.headers.get("content-encoding") or "identity").strip().lower()
    if coding == "identity":
        return True
    return coding in _CODINGS and coding in incoming.headers.get("accept-encoding", "").lower()
