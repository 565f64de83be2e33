"""Publishing: fetch a fragment's manifest, fallback and assets, check them, keep copies, make the release live.

Public: `publish`, `Published`, `PublishRefused`.
Nothing is written until everything is fetched and checked: a publish that is refused leaves what is live as it was.
"""

from dataclasses import asdict, dataclass

from asgiref.sync import sync_to_async
from django.db import transaction

from bff.resilience.policy import Policy
from bff.resilience.transport import Transport
from shell.composition.page import PageTable
from shell.composition.release import Trust
from shell.composition.requests import Bearer
from shell.registry import models
from shell.registry.asset_copies import PublishRefused
from shell.registry.fetch import ASSET_BYTES_MAX, FETCH_MS, Copy, Fetcher
from shell.registry.origins import Origins, origin_of
from shell.registry.registrations import set_trust, trust_of

__all__ = ["PublishRefused", "Published", "VersionTaken", "publish"]


class VersionTaken(PublishRefused):
    """Another release has this version; a version stands for its bytes."""


@dataclass(frozen=True, slots=True)
class Published:
    """`changed` is False when this very release was live before. `notes` says what its authors should know."""

    fragment: str
    version: str
    digest: str
    changed: bool
    notes: tuple[str, ...] = ()
    trust: Trust = Trust.SANDBOXED


async def publish(
    manifest_url: str,
    *,
    origins: Origins,
    actor: str,
    move: bool = False,
    pages: PageTable | None = None,
    bearer: Bearer | None = None,
    trust: Trust | None = None,
    only: str = "",
) -> Published:
    """Publish the release that `manifest_url` describes; raises `PublishRefused`.

    A fragment that is live stays with the origin that serves it: a manifest elsewhere that takes its name would be
    handed its players and their money. `move` says that the fragment has really gone there. What its slots of `pages`
    will ask for is looked at, with `bearer` as somebody who is signed in. `trust` is an operator's word on this name;
    without one it is trusted as far as it was, and not at all where it is new. `only` is the one name that may be
    published, by a team that is trusted with it: then a version stands for its bytes, too (`VersionTaken`).
    """

    async def trust_of_name(name: str) -> Trust:
        # Before anything else is asked for: nobody's origin hears of a release that may not be.
        if only and name != only:
            raise PublishRefused(f"name: the manifest is {name}'s, and this may publish {only} alone")
        return trust or await sync_to_async(trust_of)(name)

    transport = Transport(Policy(deadline_ms=FETCH_MS, wire_bytes_max=ASSET_BYTES_MAX))
    try:
        copy = await Fetcher(transport, origins, trust_of_name, pages, bearer).copy(manifest_url)
    finally:
        await transport.aclose()
    return await sync_to_async(_store)(copy, actor, move, trust, bool(only))


@transaction.atomic
def _store(copy: Copy, actor: str, move: bool, trust: Trust | None, versions_fixed: bool) -> Published:
    fragment, digest = copy.manifest.name, copy.digest()
    live = models.LiveRelease.objects.select_related("release").filter(fragment=fragment).first()
    if live is not None and not move and origin_of(live.release.manifest_url) != origin_of(copy.manifest_url):
        raise PublishRefused(
            f"name: {fragment} is live from {live.release.manifest_url}, and {copy.manifest_url} is another origin. "
            "Nothing was changed; if the fragment has moved, publish it with --move"
        )
    if versions_fixed:
        _check_version(copy)
    trusted = trust is not None and set_trust(fragment, trust, actor=actor)
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
            "uses": {digest: asdict(use) for digest, use in copy.uses.items()},
            "versioned": copy.versioned,
        },
    )
    changed = live is None or live.release_id != release.pk
    if changed:
        models.LiveRelease.objects.update_or_create(fragment=fragment, defaults={"release": release})
        models.AuditEntry.objects.create(actor=actor, action="published", fragment=fragment, release=release)
    return Published(fragment, copy.manifest.version, digest, changed or trusted, copy.notes, copy.trust)


def _check_version(copy: Copy) -> None:
    """Raises `VersionTaken` where other bytes have this version; from which address they come decides nothing."""
    fragment, version = copy.manifest.name, copy.manifest.version
    for row in models.Release.objects.filter(fragment=fragment, version=version):
        there = (bytes(row.manifest), bytes(row.fallback), [*row.css], [*row.js])
        css, js = [asset.digest for asset in copy.css], [asset.digest for asset in copy.js]
        if there != (copy.manifest_body, copy.fallback, css, js):
            raise VersionTaken(
                f"version: {fragment} {version} was published with other bytes ({row.digest[:12]}). Nothing was "
                "changed; give this release a version of its own"
            )
