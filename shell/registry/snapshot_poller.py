"""Keeps the snapshot in step with the database, off the page path.

Public: `SnapshotPoller`.
"""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType

from django.db import Error, close_old_connections, connection

from bff.contracts.manifest import ManifestRefused, parse
from bff.resilience import log
from shell.composition.content_coding import CodedBody
from shell.composition.release import AssetUse, Release, Snapshot, StoredAsset, Trust
from shell.registry.holds import FragmentHold
from shell.registry.models import Asset, AuditEntry, Hold, LiveRelease, Registration

# Running shells follow a publish within a second: half of it for the wait, the rest for the load.
POLL_S = 0.5
# While it goes wrong again and again, it is tried less often.
POLL_S_MAX = 5.0
# How long the first pages wait for the first load: a database that hangs must not keep them for ever.
FIRST_S_MAX = 5.0

logger = log.get("registry")


Holds = Mapping[str, FragmentHold]


class SnapshotPoller:
    """`current` is always a whole snapshot; while the database is away it is the last one that was read.

    `holds` are the fragments that an operator holds, as of the same moment. `on_change` is called with both.
    """

    def __init__(self, on_change: Callable[[Snapshot, Holds], None] = lambda snapshot, holds: None) -> None:
        self.current = Snapshot()
        self.holds: Holds = MappingProxyType({})
        self._on_change = on_change
        self._notified = self.current.generation
        self._first: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read once, then follow in the background. Whoever calls while the first load is on its way waits for it."""
        if self._first is None:
            self._first = asyncio.create_task(self._begin(), name="registry-first-load")
        if not self._first.done():
            # Unlike awaiting it, this does not cancel it when one of those who wait leaves.
            await asyncio.wait({self._first})

    async def stop(self) -> None:
        tasks = [task for task in (self._first, self._task) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._first = self._task = None

    async def refresh(self) -> None:
        """Load what is live if it moved. A database that is away is logged; the snapshot stays as it is."""
        try:
            snapshot, holds = await asyncio.to_thread(_load, self.current, self.holds)
        except Error as error:
            logger.warning("registry_unreadable", detail=str(error), generation=self.current.generation)
            return
        if snapshot.generation != self.current.generation:
            self.current, self.holds = snapshot, holds
            logger.info("registry_loaded", generation=snapshot.generation, fragments=sorted(snapshot.releases))
        if self._notified != self.current.generation:
            self._on_change(self.current, self.holds)
            self._notified = self.current.generation

    async def asset(self, digest: str) -> StoredAsset | None:
        """An asset by digest: of the snapshot from memory, of an older release from the database."""
        held = self.current.assets.get(digest)
        if held is not None:
            return held
        try:
            return await asyncio.to_thread(_load_asset, digest)
        except Error as error:
            logger.warning("asset_unreadable", digest=digest, detail=str(error))
            return None

    async def _begin(self) -> None:
        try:
            async with asyncio.timeout(FIRST_S_MAX):
                await self._refreshed()
        except TimeoutError:
            logger.error("registry_unread", detail=f"no answer within {FIRST_S_MAX:g} s")
        self._task = asyncio.create_task(self._follow(), name="registry-snapshot-poller")

    async def _follow(self) -> None:
        wait_s = POLL_S
        while True:
            await asyncio.sleep(wait_s)
            wait_s = POLL_S if await self._refreshed() else min(wait_s * 2, POLL_S_MAX)

    async def _refreshed(self) -> bool:
        """Whether a refresh went well. Whatever went wrong is logged: a poller that ended would follow no publish."""
        try:
            await self.refresh()
        except Exception:
            logger.exception("registry_refresh_broke", generation=self.current.generation)
            return False
        return True


def _load(current: Snapshot, holds: Holds) -> tuple[Snapshot, Holds]:
    close_old_connections()
    try:
        generation = _generation()
        if generation == current.generation:
            return current, holds
        registrations = {row.fragment: row for row in Registration.objects.all()}
        releases = {}
        for live in LiveRelease.objects.select_related("release"):
            release = _release(live, registrations.get(live.fragment) or Registration())
            if release is not None:
                releases[release.fragment] = release
        wanted = {digest for release in releases.values() for digest in (*release.css, *release.js)}
        assets = {digest: asset for digest, asset in current.assets.items() if digest in wanted}
        for row in Asset.objects.filter(digest__in=wanted - assets.keys()):
            assets[row.digest] = _asset(row)
        held = {row.fragment: FragmentHold(row.reason, row.actor, row.since) for row in Hold.objects.all()}
        return Snapshot(generation, MappingProxyType(releases), MappingProxyType(assets)), MappingProxyType(held)
    finally:
        # The thread goes back to the pool: it must not keep a connection that nobody closes.
        if not connection.in_atomic_block:
            connection.close()


def _generation() -> int:
    newest = AuditEntry.objects.filter(changes_pages=True).order_by("-id").values_list("id", flat=True)
    return newest.first() or 0


def _load_asset(digest: str) -> StoredAsset | None:
    close_old_connections()
    row = Asset.objects.filter(digest=digest).first()
    if not connection.in_atomic_block:
        connection.close()
    # Asked for by pages that are older than the last publish, and not worth compressing each time.
    return None if row is None else StoredAsset(row.digest, row.content_type, CodedBody(bytes(row.body), {}))


def _asset(row: Asset) -> StoredAsset:
    return StoredAsset(row.digest, row.content_type, CodedBody.of(row.content_type, bytes(row.body)))


def _release(live: LiveRelease, registration: Registration) -> Release | None:
    row = live.release
    try:
        manifest = parse(bytes(row.manifest))
    except ManifestRefused as error:
        logger.error("stored_manifest_refused", fragment=live.fragment, release=row.digest, detail=str(error))
        return None
    return Release(
        fragment=live.fragment,
        digest=row.digest,
        manifest=manifest,
        manifest_url=row.manifest_url,
        fallback=bytes(row.fallback),
        css=tuple(row.css),
        js=tuple(row.js),
        uses=MappingProxyType({digest: AssetUse(**use) for digest, use in row.uses.items()}),
        versioned=row.versioned,
        trust=Trust(registration.trust),
        follow=registration.follow,
    )
