"""Reads what is live from the database, as the page path sees it.

Public: `load_snapshot`, `load_asset`, `load_digest`, `Holds`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from django.db import close_old_connections, connection
from django.utils.crypto import salted_hmac

from bff.contracts.manifest import ManifestRefused, parse
from bff.resilience import log
from shell.composition.content_coding import CodedBody
from shell.composition.release import AssetUse, Canary, ForeignOrigins, Release, Role, Snapshot, StoredAsset, Trust
from shell.registry import models
from shell.registry.going_live import EARLIER_MAX, OLD_PAGES_S
from shell.registry.holds import FragmentHold
from shell.registry.models import Asset, AuditEntry, Hold, LiveRelease, Registration
from shell.registry.page_revisions import live_documents
from shell.registry.scopes import scopes_of
from shell.registry.warm_ups import coming_warm_ups

_TAG_SALT = "shell.registry.tag.1"
Holds = Mapping[str, FragmentHold]

logger = log.get("registry")


def load_snapshot(current: Snapshot, holds: Holds) -> tuple[Snapshot, Holds]:
    """What is live and what is held, the very same objects where nothing moved."""
    close_old_connections()
    try:
        generation = _generation()
        if generation == current.generation:
            return current, holds
        snapshot = _snapshot(generation, current)
        held = {row.fragment: FragmentHold(row.reason, row.actor, row.since) for row in Hold.objects.all()}
        return snapshot, MappingProxyType(held)
    finally:
        # The thread goes back to the pool: it must not keep a connection that nobody closes.
        if not connection.in_atomic_block:
            connection.close()


def load_asset(digest: str) -> StoredAsset | None:
    """An asset that no release in use names: of pages that are older than what is live."""
    close_old_connections()
    row = Asset.objects.filter(digest=digest).first()
    if not connection.in_atomic_block:
        connection.close()
    # Asked for by pages that are older than the last publish, and not worth compressing each time.
    return None if row is None else StoredAsset(row.digest, row.content_type, CodedBody(bytes(row.body), {}))


def load_digest(fragment: str, folder: str, key: str) -> str:
    """Which file lies at `key` of a folder that no release in use has; empty where none does."""
    close_old_connections()
    files = models.Release.objects.filter(fragment=fragment, folder=folder).values_list("files", flat=True).first()
    if not connection.in_atomic_block:
        connection.close()
    return str((files or {}).get(key, ""))


def _generation() -> int:
    newest = AuditEntry.objects.filter(changes_pages=True).order_by("-id").values_list("id", flat=True)
    return newest.first() or 0


def _snapshot(generation: int, current: Snapshot) -> Snapshot:
    registrations = {row.fragment: row for row in Registration.objects.all()}
    trials = {row.fragment: row for row in models.Rollout.objects.select_related("release")}
    earlier = _earlier(datetime.now(UTC))

    def read(row: models.Release, role: Role) -> Release | None:
        # Tags are for pages that can hold one release or another.
        tag = _tag(row) if row.fragment in trials or row.fragment in earlier else ""
        return _release(row, registrations.get(row.fragment) or Registration(), role, tag)

    lives = [live.release for live in LiveRelease.objects.select_related("release")]
    releases = _by_fragment(read(row, Role.STABLE) for row in lives)
    candidates = _by_fragment(read(row.release, Role.CANARY) for row in trials.values())
    before = {name: [release for row in rows if (release := read(row, Role.EARLIER))] for name, rows in earlier.items()}
    in_pages = [*releases.values(), *candidates.values(), *(each for found in before.values() for each in found)]
    return Snapshot(
        generation,
        MappingProxyType(releases),
        MappingProxyType(_assets([*releases.values(), *candidates.values()], current)),
        canaries=MappingProxyType(
            {
                name: Canary(release, trials[name].share, _salt(release), trials[name].held_back)
                for name, release in candidates.items()
            }
        ),
        rolled_back=MappingProxyType(_rolled_back(datetime.now(UTC))),
        # Also of what has no tag any more: pages from when it had one are still open.
        tagged=MappingProxyType({_tag(release): release for release in in_pages}),
        untagged=MappingProxyType({name: found[-1] for name, found in before.items() if found}),
        pages=MappingProxyType(live_documents()),
        previews=MappingProxyType(_previews(registrations, datetime.now(UTC))),
        scopes=MappingProxyType(scopes_of(registrations.values())),
        warm_ups=coming_warm_ups(datetime.now(UTC)),
    )


def _earlier(now: datetime) -> dict[str, list[models.Release]]:
    """By fragment what was live before and may still be on open pages, the newest first."""
    rows = models.Superseded.objects.select_related("release").filter(at__gt=now - timedelta(seconds=OLD_PAGES_S))
    found: dict[str, list[models.Release]] = {}
    for row in rows.order_by("-at"):
        releases = found.setdefault(row.release.fragment, [])
        if len(releases) < EARLIER_MAX:
            releases.append(row.release)
    return found


def _rolled_back(now: datetime) -> dict[str, str]:
    """By fragment why its last trial of this day ended, for the status board."""
    rows = AuditEntry.objects.select_related("release").filter(
        action="canary_rolled_back", at__gt=now - timedelta(days=1)
    )
    return {
        row.fragment: f"{row.release.version if row.release else ''} was rolled back at {row.at:%H:%M} by {row.actor}: "
        f"{row.detail or 'no reason given'}"
        for row in rows.order_by("pk")
    }


def _previews(registrations: Mapping[str, Registration], now: datetime) -> dict[str, Release]:
    found = {}
    for row in models.Preview.objects.select_related("release").filter(expires_at__gt=now):
        registration = registrations.get(row.release.fragment) or Registration()
        release = _release(row.release, registration, Role.PREVIEW, _tag(row.release))
        if release is not None:
            found[row.id] = replace(release, trust=Trust.SANDBOXED, own_machine=True) if row.own_machine else release
    return found


def _by_fragment(releases: Iterable[Release | None]) -> dict[str, Release]:
    return {release.fragment: release for release in releases if release is not None}


def _assets(releases: list[Release], current: Snapshot) -> dict[str, StoredAsset]:
    wanted = {digest for release in releases for digest in release.files.values() or (*release.css, *release.js)}
    # What pages link is compressed before they ask for it.
    linked = {release.files.get(key, key) for release in releases for key in _linked(release)}
    assets = {digest: asset for digest, asset in current.assets.items() if digest in wanted}
    for row in Asset.objects.filter(digest__in=wanted - assets.keys()):
        body = bytes(row.body)
        coded = CodedBody.of(row.content_type, body) if row.digest in linked else CodedBody(body, {})
        assets[row.digest] = StoredAsset(row.digest, row.content_type, coded)
    return assets


def _linked(release: Release) -> tuple[str, ...]:
    return (*release.css, *release.js, *release.lifted)


def _salt(release: Release) -> bytes:
    """The same in every process and for every share of one trial, and another for the next."""
    return f"{release.fragment}/{release.digest}/".encode()


def _tag(row: models.Release | Release) -> str:
    """The signed tag that names the release in addresses of its slots."""
    signature = salted_hmac(_TAG_SALT, f"{row.fragment}/{row.digest}", algorithm="sha256").hexdigest()
    return f"{row.digest[:12]}.{signature[:24]}"


def _use(stored: Mapping[str, Any]) -> AssetUse:
    """A row holds only what is not as for any asset, and lists in place of tuples."""
    data = tuple((name, value) for name, value in stored.get("data", ()))
    return AssetUse(**{**stored, "data": data})


def _release(row: models.Release, registration: Registration, role: Role, tag: str) -> Release | None:
    try:
        manifest = parse(bytes(row.manifest))
    except ManifestRefused as error:
        logger.error("stored_manifest_refused", fragment=row.fragment, release=row.digest, detail=str(error))
        return None
    return Release(
        fragment=row.fragment,
        digest=row.digest,
        manifest=manifest,
        manifest_url=row.manifest_url,
        fallback=bytes(row.fallback),
        css=tuple(row.css),
        js=tuple(row.js),
        uses=MappingProxyType({key: _use(stored) for key, stored in row.uses.items()}),
        files=MappingProxyType(dict(row.files)),
        folder=row.folder,
        lifted=tuple(row.lifted),
        versioned=row.versioned,
        trust=Trust(registration.trust),
        follow=registration.follow,
        shown=ForeignOrigins(tuple(registration.pictures), tuple(registration.frames)),
        role=role,
        tag=tag,
    )
