"""Fetching a release: its manifest, fallback, assets, and a look at all that pages will ask it for.

Public: `Fetcher`, `Copy`, `fetch_policy`, `FETCH_MS`, `WAKE_MS`.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from bff.contracts import headers
from bff.contracts.asset import Asset
from bff.contracts.manifest import MANIFEST_BYTES_MAX, Manifest, ManifestRefused, check_extension, parse
from bff.contracts.podium_url import resolve
from bff.resilience.deadline import Deadline
from bff.resilience.message import CallFailed, Request, Response
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.transport import Sender
from shell.composition.body import content_type_of, is_empty, links_of
from shell.composition.contain import Contained, Refusal, audit, unplaced
from shell.composition.page import PageTable
from shell.composition.release import NO_FOREIGN_ORIGINS, AssetUse, ForeignOrigins, Release, Trust
from shell.composition.requests import Bearer
from shell.composition.slot_path import SLOTS_PREFIX
from shell.registry import models
from shell.registry.asset_copies import copy_entries
from shell.registry.asset_data import check_data
from shell.registry.document_names import DocumentNames
from shell.registry.link_header import linked_assets
from shell.registry.origins import Origins, origin_of
from shell.registry.proxied_pictures import ProxiedPicture, check_proxied
from shell.registry.release_folder import PublishRefused, ReleaseFolder, release_budget
from shell.registry.sample_requests import SampleRequest, places_of, sample_requests
from shell.registry.shown_pictures import pictures_in

FETCH_MS = 5000
# For a manifest, of which nobody knows whether it is a function's that sleeps, and for all of one that is: platforms
# let a start take ten seconds, and each request at once may meet one.
WAKE_MS = 15_000
# No visitor waits for a publish, and the publisher's machine may be busy.
_CONNECT_MS = 2000
# A fallback is checked before any page shows it: any slot's prefix will do.
_ANY_PREFIX = f"{SLOTS_PREFIX}page/slot"


def fetch_policy() -> Policy:
    """Of the calls with which a release is fetched: more patient than those of pages."""
    return Policy(deadline_ms=WAKE_MS, connect_ms=_CONNECT_MS, wire_bytes_max=release_budget().file_bytes_max)


@dataclass(frozen=True, slots=True)
class Copy:
    """A release as it was fetched. `css`, `js` and `lifted` are keys of `files`; `notes` are for its authors.

    `sources` are digests of what the origin sent as those files, before anything was written anew.

    `versioned` is whether any of its answers said `podlet-version`. `answers` are those to what pages will ask,
    and `passed_pictures` what pages get through the shell.
    """

    manifest_url: str
    manifest_body: bytes
    manifest: Manifest
    fallback: bytes
    css: tuple[str, ...]
    js: tuple[str, ...]
    files: Mapping[str, models.Asset] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    lifted: tuple[str, ...] = ()
    names: DocumentNames = field(default_factory=DocumentNames)
    uses: Mapping[str, AssetUse] = field(default_factory=dict)
    versioned: bool = True
    trust: Trust = Trust.SANDBOXED
    shown: ForeignOrigins = NO_FOREIGN_ORIGINS
    notes: tuple[str, ...] = ()
    answers: tuple[tuple[SampleRequest, Response | CallFailed], ...] = ()
    passed_pictures: tuple[ProxiedPicture, ...] = ()

    def digest(self) -> str:
        """What tells this release from any other."""
        parts = [self.manifest_url.encode(), self.manifest_body, self.fallback]
        parts += [self.folder.encode(), repr((self.css, self.js)).encode()]
        parts += [repr(sorted(self.uses.items())).encode()] if self.uses else []
        parts += [] if self.versioned else [b"unversioned"]
        return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


class Fetcher:
    """Fetches what a manifest names, from allowed origins only; raises `PublishRefused`."""

    def __init__(
        self,
        transport: Sender,
        origins: Origins,
        trust_of: Callable[[str], Awaitable[Trust]],
        pages: PageTable | None = None,
        bearer: Bearer | None = None,
        origins_of: Callable[[str], Awaitable[Origins]] | None = None,
        shown_of: Callable[[str], Awaitable[ForeignOrigins]] | None = None,
    ) -> None:
        self._shown_of = shown_of
        self._origins_of = origins_of
        self._transport = transport
        self._origins = origins
        self._trust_of = trust_of
        self._pages = pages or PageTable([])
        self._bearer = bearer
        self._versioned = False
        self._fetch_ms = WAKE_MS

    async def copy(self, manifest_url: str) -> Copy:
        """All of the release at `manifest_url`, checked."""
        self._fetch_ms = WAKE_MS
        body, manifest = await self._manifest(manifest_url)
        if manifest.mullion.kind != "function":
            self._fetch_ms = FETCH_MS
        trust = await self._trust_of(manifest.name)
        shown = await self._shown_of(manifest.name) if self._shown_of is not None else NO_FOREIGN_ORIGINS
        if self._origins_of is not None:
            self._origins = await self._origins_of(manifest.name)
            self._allowed("manifest", manifest_url)
        self._allowed("content", resolve(manifest_url, manifest.content))
        for name, target in manifest.proxies.items():
            self._allowed(f"proxy.{name}", resolve(manifest_url, target))
        release = Release(manifest.name, "", manifest, manifest_url, b"", css=(), js=(), trust=trust, shown=shown)
        fallback = await self._fallback(release)
        samples, unasked = sample_requests(release, self._pages, self._bearer)
        # A release may be published while what it shows is down: its content decides nothing here.
        answers = await asyncio.gather(*(self._send(sample.request) for sample in samples))
        found = [("fallback", fallback)] if fallback else []
        found += [
            (f"content of {sample.where}", answer)
            for sample, answer in zip(samples, answers, strict=True)
            if _found(answer)
        ]
        linked_css, linked_js = linked_assets([link for _, answer in found for link in answer.headers.get_all("link")])
        folder = ReleaseFolder(self._get, release)
        styles = await copy_entries(folder, self._get, "css", _once(manifest_url, manifest.css, linked_css))
        scripts = await copy_entries(folder, self._get, "js", _once(manifest_url, manifest.js, linked_js))
        passed: set[str] = set()
        for where, answer in found:
            shown_there = pictures_in(answer.body)
            if where != "fallback":  # that stands while the origin is away
                passed |= {each for each in shown_there if release.pictures.passes(each)}
            folder.add_pictures(where, release.content_url(""), [each for each in shown_there if each not in passed])
        await folder.add_referenced()
        passed_pictures, passed_notes = await check_proxied(self._get, release, passed)
        css, js, uses = tuple(styles.keys), tuple(scripts.keys), {**styles.uses, **scripts.uses}
        release = replace(release, css=css, js=js, uses=uses, files=folder.digests(), folder=folder.name())
        places = places_of(release.fragment, self._pages)
        notes = (*_judge_fallback(release, fallback, places), *unasked, *_notes(release, samples, answers))
        return Copy(
            manifest_url=manifest_url,
            manifest_body=body,
            manifest=manifest,
            fallback=fallback.body if fallback else b"",
            css=css,
            js=js,
            files=folder.files,
            sources=folder.sources,
            folder=folder.name(),
            lifted=tuple(folder.lifted),
            names=folder.names,
            uses=uses,
            versioned=self._versioned,
            trust=trust,
            shown=shown,
            notes=(*notes, *styles.notes, *scripts.notes, *folder.notes, *passed_notes, *_unrun(release)),
            answers=tuple(zip(samples, answers, strict=True)),
            passed_pictures=passed_pictures,
        )

    async def _manifest(self, url: str) -> tuple[bytes, Manifest]:
        """Its bytes, and what they say."""
        response = await self._get("manifest", url)
        if len(response.body) > MANIFEST_BYTES_MAX:
            raise PublishRefused(f"manifest: {len(response.body)} bytes, at most {MANIFEST_BYTES_MAX} are read")
        try:
            manifest = parse(response.body)
            check_extension(response.body, manifest)
            check_data(manifest)
        except ManifestRefused as error:
            raise PublishRefused(f"manifest at {url}: {error}") from error
        return response.body, manifest

    async def _fallback(self, release: Release) -> Response | None:
        if not release.manifest.fallback:
            return None
        return await self._get("fallback", resolve(release.manifest_url, release.manifest.fallback))

    async def _send(self, request: Request) -> Response | CallFailed:
        try:
            response = await self._transport.send(request, Deadline.after_ms(time.monotonic(), self._fetch_ms))
        except CallFailed as error:
            return error
        self._versioned = self._versioned or bool(response.headers.get(headers.VERSION))
        return response

    async def _get(self, field: str, url: str) -> Response:
        self._allowed(field, url)
        response = await self._send(_request(url))
        if isinstance(response, CallFailed):
            hint = "; where it speaks plain HTTP, write http://" if response.reason is Reason.TLS else ""
            raise PublishRefused(f"{field}: {url} did not answer: {response.detail} ({response.reason}){hint}")
        if response.status != 200:
            raise PublishRefused(f"{field}: {url} answered {response.status}; only 200 can be published")
        return response

    def _allowed(self, field: str, url: str) -> None:
        if origin_of(url) is None:
            raise PublishRefused(
                f"{field}: {url!r} is no address to fetch from; write it with its scheme: "
                "http://127.0.0.1:8020/manifest.json"
            )
        if owner := self._origins.owner_of(url):
            raise PublishRefused(f"{field}: {url} is an origin of {owner}, and of no other fragment")
        if not self._origins.allows(url):
            raise PublishRefused(
                f"{field}: {url} is not on an allowed origin. Add its origin to FRAGMENT_ORIGINS if it should be, "
                "or to what operators allow this fragment (`fragment origins`)."
            )


def _request(url: str) -> Request:
    sent = (("user-agent", headers.USER_AGENT), ("accept", "*/*"), (headers.PUBLIC_PATHNAME, _ANY_PREFIX))
    return Request("GET", url, sent)


def _found(answer: Response | CallFailed) -> TypeGuard[Response]:
    return isinstance(answer, Response) and answer.status == 200


def _judge_fallback(release: Release, fallback: Response | None, places: tuple[str, ...]) -> tuple[str, ...]:
    """What a page shows it without; raises `PublishRefused` where it could show none of it."""
    if fallback is None:
        return ()
    checked = _contain(fallback, release, places)
    if isinstance(checked, Refusal):
        raise PublishRefused(f"fallback: {checked.detail} ({checked.reason})")
    blank = ("fallback: nothing of it can be seen",) if is_empty(release, checked) else ()
    return (*blank, *(f"fallback: {note}" for note in _notes_on(checked, places)))


def _notes(
    release: Release, samples: Sequence[SampleRequest], answers: Sequence[Response | CallFailed]
) -> tuple[str, ...]:
    """What the authors should know of these answers, each thing once, with the first slot that it was seen in."""
    notes: dict[str, str] = {}
    for sample, answer in zip(samples, answers, strict=True):
        if isinstance(answer, CallFailed):
            notes[f"{sample.request.url} did not answer now: {answer.detail} ({answer.reason})"] = sample.where
        elif answer.status != 200:
            notes[f"{sample.request.url} answered {answer.status}; pages show its HTML for 200 alone"] = sample.where
        else:
            checked = _contain(answer, release, sample.places, sample.prefix)
            if isinstance(checked, Refusal):
                notes[f"pages will show the fallback: {checked.detail} ({checked.reason})"] = sample.where
            else:
                if is_empty(release, checked):
                    notes["pages will show the fallback: nothing of it can be seen (empty)"] = sample.where
                for note in _notes_on(checked, sample.places):
                    notes.setdefault(note, sample.where)
    return tuple(f"content of {where}: {note}" for note, where in notes.items())


def _once(manifest_url: str, listed: Sequence[Asset], linked: Sequence[Asset]) -> list[Asset]:
    """What the manifest lists, and of what answers link only the rest: the manifest says more of an asset."""
    urls = {resolve(manifest_url, asset.value) for asset in listed}
    found = [*listed, *(each for each in linked if resolve(manifest_url, each.value) not in urls)]
    return [each for at, each in enumerate(found) if each not in found[:at]]


def _unrun(release: Release) -> tuple[str, ...]:
    if not (release.sandboxed and release.js):
        return ()
    return (f"js: no page runs its scripts, as {release.fragment} is sandboxed; an operator may trust it",)


def _notes_on(checked: Contained, places: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{note}; a page shows it without" for note in checked.notes)
    yield from unplaced(checked.html, places)


def _contain(
    response: Response, release: Release, places: tuple[str, ...], prefix: str = _ANY_PREFIX
) -> Contained | Refusal:
    return audit(
        response.body,
        content_type_of(response),
        prefix=prefix,
        isolation=release.isolation,
        links=links_of(release),
        sandboxed=release.sandboxed,
        places=places,
    )
