"""Pictures and fonts below a static prefix: `/assets/<fragment>/at-<release>/~<signature>/<path>` and its origin.

Public: `OriginFilePath`, `OriginFile`.
Asked for nobody: no cookie, no bearer and no header of a browser's goes along, so one copy serves all. What comes back
is a picture or a font by its type, inert when it is opened by itself, and held once by its digest. The origin has a
guard of its own for them: slots stand while it is away, and so do pictures that were asked for before.

What was signed, a body has shown. Any other address gets a copy that is there for those; else it is asked for in a few
places of its own, and neither what the origin says of it nor its copy is in the way of what pages show.
"""

import hashlib
import time
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable

from bff.contracts.headers import USER_AGENT
from bff.resilience import log
from bff.resilience.cache_control import lifetime
from bff.resilience.deadline import Deadline
from bff.resilience.judgement import reason_of_status
from bff.resilience.last_good import Fetched, Key, LastGood, LastGoodPolicy
from bff.resilience.message import Headers, Request, Response
from bff.resilience.outcome import Failure, Outcome, State
from bff.resilience.reason import Reason
from shell.composition.contain.origin_prefix import OriginAddress
from shell.composition.release import ASSETS_PREFIX, ORIGIN_FOLDER, RELEASE_CHARS, Release, Snapshot
from shell.registry.file_types import FileType, type_of
from shell.registry.references import Reach
from shell.responses import INERT, PLAIN, respond, start_response
from shell.wiring import Parts

_READS = frozenset({"GET", "HEAD"})
_SHOWN = frozenset({Reach.PICTURE, Reach.FONT})
# Why a copy stands in that is not fresh any more; nobody is shown it.
_UNSIGNED = Failure(Reason.SHED, "no body has shown this address")
_NOT_STORED = ("cache-control", "no-store")
_NONE = b"There is no such file.\n"
_AWAY = b"This file can not be had for the moment.\n"

logger = log.get("origin_files")


@dataclass(frozen=True, slots=True, weakref_slot=True)
class OriginFile:
    """A file as pages get it; `digest` is the SHA-256 of its type and its bytes, in hex."""

    digest: str
    content_type: str
    body: bytes


class OriginFilePath:
    """Answers what is addressed to a static prefix; `serve` is False for everything else."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._policy = parts.upstreams.file_policy
        limits = LastGoodPolicy(bytes_max=self._policy.cache_bytes_max, entries_max=self._policy.cache_entries_max)
        self._limits = limits
        self._copies: dict[str, LastGood[OriginFile]] = {}
        self._unsigned: LastGood[OriginFile] = LastGood(
            LastGoodPolicy(
                bytes_max=self._policy.unsigned_cache_bytes_max, entries_max=self._policy.unsigned_cache_entries_max
            )
        )
        self._by_digest: WeakValueDictionary[str, OriginFile] = WeakValueDictionary()

    async def serve(self, scope: dict[str, Any], receive: ASGIReceiveCallable, send: ASGISendCallable) -> bool:
        """Whether the request was this path's; if so it has been answered."""
        if scope["method"] not in _READS or not scope["path"].startswith(ASSETS_PREFIX):
            return False
        fragment, _, rest = scope["path"].removeprefix(ASSETS_PREFIX).partition("/")
        folder, _, path = rest.partition("/")
        if not folder.startswith(ORIGIN_FOLDER):
            return False
        release = _release(self._parts.registry.current, fragment, folder.removeprefix(ORIGIN_FOLDER))
        there = release.pictures.prefix.read(f"/{path}", scope["query_string"].decode("latin-1")) if release else None
        if release is None or there is None:
            await respond(send, 404, (PLAIN, _NOT_STORED), _NONE)
        else:
            await self._answer(await self._file(release, there), scope, send)
        return True

    async def aclose(self) -> None:
        """Wait for what is still fetched."""
        for copies in (self._unsigned, *self._copies.values()):
            await copies.aclose()

    async def _file(self, release: Release, there: OriginAddress) -> Outcome[OriginFile] | Failure:
        async def fetch() -> Fetched[OriginFile] | Failure:
            return await self._fetch(release, there)

        key, stale_s_max = Key.for_everybody(there.url), self._policy.stale_s_max
        copies = self._copies_of(release.fragment)
        if not there.signed:
            held = copies.at_once(key, lambda: _UNSIGNED, stale_s_max=stale_s_max)
            if isinstance(held, Outcome):
                return held
            copies = self._unsigned
        ended = await copies.get(key, fetch, stale_s_max=stale_s_max)
        if isinstance(ended, Failure) and ended.reason is not Reason.NOT_FOUND:
            reason, detail = str(ended.reason), ended.detail
            logger.warning("origin_file_failed", fragment=release.fragment, reason=reason, detail=detail)
        return ended

    def _copies_of(self, fragment: str) -> LastGood[OriginFile]:
        copies = self._copies.get(fragment)
        if copies is None:
            copies = self._copies[fragment] = LastGood(self._limits)
        return copies

    async def _fetch(self, release: Release, there: OriginAddress) -> Fetched[OriginFile] | Failure:
        request = Request("GET", there.url, (("user-agent", USER_AGENT), ("accept", "image/*, font/*")))
        deadline = Deadline.after_ms(time.monotonic(), self._policy.deadline_ms)
        guard = self._parts.upstreams.files_of(release, signed=there.signed)
        answer = await guard.call(request, deadline, judge=_judge)
        if isinstance(answer, Failure):
            return answer
        kind = _type(answer)
        assert kind is not None, "the judge has looked"
        file = self._held_once(kind, answer.body)
        return Fetched(file, len(file.body), self._lives(answer.headers))

    def _held_once(self, kind: FileType, body: bytes) -> OriginFile:
        digest = hashlib.sha256(kind.content_type.encode() + b"\0" + body).hexdigest()
        file = self._by_digest.get(digest)
        if file is None:
            file = self._by_digest[digest] = OriginFile(digest, kind.content_type, body)
        return file

    def _lives(self, headers: Headers) -> Headers:
        """As long as the origin says, within bounds: nobody was asked who it is for, so it is everybody's."""
        declared = lifetime(headers, stale_s_max=0, shared=True).fresh_s
        fresh_s = max(self._policy.fresh_s_min, min(declared, self._policy.fresh_s_max))
        return Headers([("cache-control", f"max-age={fresh_s}")])

    async def _answer(
        self, ended: Outcome[OriginFile] | Failure, scope: dict[str, Any], send: ASGISendCallable
    ) -> None:
        head_only = scope["method"] == "HEAD"
        if isinstance(ended, Failure):
            status, words = (404, _NONE) if ended.reason is Reason.NOT_FOUND else (503, _AWAY)
            await respond(send, status, (PLAIN, _NOT_STORED), words, head_only=head_only)
            return
        file, etag = ended.value, f'"{ended.value.digest[:32]}"'
        browser_s = self._policy.fresh_s_min if ended.state is State.FRESH else self._policy.stale_browser_s
        headers = [("cache-control", f"public, max-age={browser_s}"), ("etag", etag), *INERT]
        held = dict(scope["headers"]).get(b"if-none-match", b"").decode("latin-1")
        if etag in (each.strip().removeprefix("W/") for each in held.split(",")):
            await start_response(send, 304, headers)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            headers.append(("content-type", file.content_type))
            await respond(send, 200, headers, file.body, head_only=head_only)


def _release(snapshot: Snapshot, fragment: str, digest: str) -> Release | None:
    if len(digest) != RELEASE_CHARS:
        return None
    found = (each for each in snapshot.in_use() if each.fragment == fragment and each.digest.startswith(digest))
    return next(found, None)


def _type(response: Response) -> FileType | None:
    found = type_of(response.headers.get("content-type"))
    return found if found is not None and not _SHOWN.isdisjoint(found.reached_by) else None


def _judge(response: Response) -> Failure | None:
    status = response.status
    if status != 200:
        return Failure(reason_of_status(status), f"answered {status}", status=status)
    if _type(response) is None:
        return Failure(Reason.CONTENT_TYPE, "neither a picture nor a font", status=status)
    return None
