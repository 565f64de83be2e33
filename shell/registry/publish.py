"""Publishing: fetch a fragment's manifest, fallback and assets, check them, keep copies, make the release live.

Public: `publish`, `Published`, `PublishRefused`.
Nothing is written until everything is fetched and checked: a publish that is refused leaves what is live as it was.
"""

import hashlib
import re
import time
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.db import transaction

from bff.contracts.manifest import MANIFEST_BYTES_MAX, Asset, Manifest, ManifestRefused, parse, resolve
from bff.resilience.deadline import Deadline
from bff.resilience.message import CallFailed, Request, Response
from bff.resilience.policy import Policy
from bff.resilience.transport import Transport
from shell.composition.contain import LinkPolicy, Refused, contain
from shell.registry import models
from shell.registry.origins import Origins

FETCH_MS = 5000
ASSET_BYTES_MAX = 512 * 1024
CSS = "text/css"
# A fallback is checked before any page shows it: any slot's prefix will do.
_ANY_PREFIX = "/slots/page/slot"
JS = ("text/javascript", "application/javascript")

# A stylesheet that fetches another would put a foreign origin back on the page's path.
_REACHES_OUT = re.compile(rb"@import|url\(\s*['\"]?\s*(?!data:)[^)\s]", re.IGNORECASE)


class PublishRefused(Exception):
    """The message says what is wrong, by field where there is one, and that nothing was changed."""


@dataclass(frozen=True, slots=True)
class Published:
    """`changed` is False when this very release was live before."""

    fragment: str
    version: str
    digest: str
    changed: bool


@dataclass(frozen=True, slots=True)
class _Copy:
    manifest_url: str
    manifest_body: bytes
    manifest: Manifest
    fallback: bytes
    css: tuple[models.Asset, ...]
    js: tuple[models.Asset, ...]

    def digest(self) -> str:
        parts = [self.manifest_url.encode(), self.manifest_body, self.fallback]
        parts += [asset.digest.encode() for asset in (*self.css, *self.js)]
        return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


async def publish(manifest_url: str, *, origins: Origins, actor: str) -> Published:
    """Publish the release that `manifest_url` describes; raises `PublishRefused`."""
    transport = Transport(Policy(deadline_ms=FETCH_MS, wire_bytes_max=ASSET_BYTES_MAX))
    try:
        copy = await _Fetcher(transport, origins).copy(manifest_url)
    finally:
        await transport.aclose()
    return await sync_to_async(_store)(copy, actor)


class _Fetcher:
    def __init__(self, transport: Transport, origins: Origins) -> None:
        self._transport = transport
        self._origins = origins

    async def copy(self, manifest_url: str) -> _Copy:
        response = await self._get("manifest", manifest_url)
        if len(response.body) > MANIFEST_BYTES_MAX:
            raise PublishRefused(f"manifest: {len(response.body)} bytes, at most {MANIFEST_BYTES_MAX} are read")
        try:
            manifest = parse(response.body)
        except ManifestRefused as error:
            raise PublishRefused(f"manifest at {manifest_url}: {error}") from error
        self._allowed("content", resolve(manifest_url, manifest.content))
        for name, target in manifest.proxy.items():
            self._allowed(f"proxy.{name}", resolve(manifest_url, target))
        return _Copy(
            manifest_url=manifest_url,
            manifest_body=response.body,
            manifest=manifest,
            fallback=await self._fallback(manifest_url, manifest),
            css=await self._assets(manifest_url, "css", manifest.css),
            js=await self._assets(manifest_url, "js", manifest.js),
        )

    async def _fallback(self, manifest_url: str, manifest: Manifest) -> bytes:
        if not manifest.fallback:
            return b""
        response = await self._get("fallback", resolve(manifest_url, manifest.fallback))
        checked = contain(
            response.body,
            response.headers.get("content-type"),
            prefix=_ANY_PREFIX,
            isolation=manifest.mullion.isolation,
            links=LinkPolicy(),
        )
        if isinstance(checked, Refused):
            raise PublishRefused(f"fallback: {checked.detail} ({checked.reason})")
        return response.body

    async def _assets(self, manifest_url: str, field: str, assets: list[Asset]) -> tuple[models.Asset, ...]:
        copies: dict[str, models.Asset] = {}
        for index, asset in enumerate(assets):
            where = f"{field}[{index}]"
            response = await self._get(where, resolve(manifest_url, asset.value))
            _check_asset(where, field, response)
            content_type = f"{CSS}; charset=utf-8" if field == "css" else f"{JS[0]}; charset=utf-8"
            digest = hashlib.sha256(response.body).hexdigest()
            copies[digest] = models.Asset(digest=digest, content_type=content_type, body=response.body)
        return tuple(copies.values())

    async def _get(self, field: str, url: str) -> Response:
        self._allowed(field, url)
        request = Request("GET", url, (("accept", "*/*"),))
        try:
            response = await self._transport.send(request, Deadline.after_ms(time.monotonic(), FETCH_MS))
        except CallFailed as error:
            raise PublishRefused(f"{field}: {url} did not answer: {error.detail} ({error.reason})") from error
        if response.status != 200:
            raise PublishRefused(f"{field}: {url} answered {response.status}; only 200 can be published")
        return response

    def _allowed(self, field: str, url: str) -> None:
        if not self._origins.allows(url):
            raise PublishRefused(
                f"{field}: {url} is not on an allowed origin. Add its origin to FRAGMENT_ORIGINS if it should be."
            )


def _check_asset(where: str, field: str, response: Response) -> None:
    served = (response.headers.get("content-type") or "").partition(";")[0].strip().lower()
    wanted = (CSS,) if field == "css" else JS
    if served not in wanted:
        raise PublishRefused(f"{where}: served as {served or 'no type'}; wanted {' or '.join(wanted)}")
    if field == "css" and (found := _REACHES_OUT.search(response.body)):
        raise PublishRefused(
            f"{where}: the stylesheet fetches something else ({found.group().decode(errors='replace')}…). "
            "Inline it or list it in the manifest."
        )


@transaction.atomic
def _store(copy: _Copy, actor: str) -> Published:
    fragment, digest = copy.manifest.name, copy.digest()
    for asset in (*copy.css, *copy.js):
        models.Asset.objects.get_or_create(
            digest=asset.digest, defaults={"content_type": asset.content_type, "body": asset.body}
        )
    release, _ = models.Release.objects.get_or_create(
        fragment=fragment,
        digest=digest,
        defaults={
            "version": copy.manifest.version,
            "manifest_url": copy.manifest_url,
            "manifest": copy.manifest_body,
            "fallback": copy.fallback,
            "css": [asset.digest for asset in copy.css],
            "js": [asset.digest for asset in copy.js],
        },
    )
    live = models.LiveRelease.objects.filter(fragment=fragment).first()
    changed = live is None or live.release_id != release.pk
    if changed:
        models.LiveRelease.objects.update_or_create(fragment=fragment, defaults={"release": release})
        models.AuditEntry.objects.create(actor=actor, action="published", fragment=fragment, release=release)
    return Published(fragment, copy.manifest.version, digest, changed)
