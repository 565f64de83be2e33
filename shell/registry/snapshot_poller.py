"""Keeps the snapshot in step with the database, off the page path: at once where a change is announced, and by polling.

Public: `SnapshotPoller`, `Holds`.
"""

import asyncio
import contextlib
from collections.abc import Callable
from types import MappingProxyType

from django.db import Error

from bff.resilience import log
from bff.resilience.policies import house_policy
from shell.composition.contain.lru_cache import LruCache
from shell.composition.content_coding import CodedBody
from shell.composition.release import Snapshot, StoredAsset
from shell.registry.change_hints import ChangeHints
from shell.registry.poll_policy import PollPolicy, wait_s
from shell.registry.snapshot_file import SnapshotFile
from shell.registry.snapshot_loader import Holds, load_asset, load_digest, load_snapshot

# How long the first pages wait for the first load: a database that hangs must not keep them for ever.
FIRST_S_MAX = 5.0
# Files that no page links itself, compressed: chunks of scripts, drawings.
_CODED_BYTES_MAX = 32 * 1024 * 1024

logger = log.get("registry")


class SnapshotPoller:
    """`current` is always a whole snapshot; while the database is away it is the last one that was read.

    A shell that starts without it begins with what is in `file`.

    `holds` are the fragments that an operator holds, as of the same moment. `on_change` is called with both.
    """

    def __init__(
        self,
        on_change: Callable[[Snapshot, Holds], None] = lambda snapshot, holds: None,
        file: SnapshotFile | None = None,
        hints: ChangeHints | None = None,
        policy: PollPolicy | None = None,
    ) -> None:
        self.current = Snapshot()
        self.holds: Holds = MappingProxyType({})
        self._on_change = on_change
        self._file = file
        self._hints = hints
        self._policy = policy or house_policy("registry-poll", PollPolicy())
        self._hinted = asyncio.Event()
        self._was_read = False
        self._notified = self.current.generation
        self._coded: LruCache[StoredAsset] = LruCache(_CODED_BYTES_MAX)
        self._first: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._loading = asyncio.Lock()
        self._looks: set[asyncio.Task[bool]] = set()
        self._next_look: asyncio.Task[bool] | None = None

    async def start(self) -> None:
        """Read once, then follow in the background. Whoever calls while the first load is on its way waits for it."""
        if self._first is None:
            self._first = asyncio.create_task(self._begin(), name="registry-first-load")
        if not self._first.done():
            # Unlike awaiting it, this does not cancel it when one of those who wait leaves.
            await asyncio.wait({self._first})

    async def stop(self) -> None:
        if self._hints is not None:
            await self._hints.stop()
        tasks = [task for task in (self._first, self._task, *self._looks) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._first = self._task = self._next_look = None

    async def refresh(self) -> bool:
        """Load what is live if it moved; whether it could be read. Loads follow each other, so none goes back.

        A database that is away is logged; the snapshot stays as it is.
        """
        async with self._loading:
            return await self._load()

    async def catch_up(self) -> bool:
        """Look whether what is live has moved, not sooner than now; whether it could be read.

        Those who come before a look begins share it; one that is under way may have read before what they wait for.
        """
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look(), name="registry-catching-up")
            self._looks.add(self._next_look)
            self._next_look.add_done_callback(self._looks.discard)
        look = self._next_look
        await asyncio.wait({look})
        return not look.cancelled() and look.result()

    async def asset(self, digest: str) -> StoredAsset | None:
        """An asset by digest: of the snapshot from memory, of an older release from the database."""
        held = self.current.assets.get(digest)
        if held is not None:
            return held
        try:
            return await asyncio.to_thread(load_asset, digest)
        except Error as error:
            logger.warning("asset_unreadable", digest=digest, detail=str(error))
            return None

    async def file(self, fragment: str, folder: str, key: str) -> StoredAsset | None:
        """A file of a release by its path: of what is live from memory, of an older release from the database."""
        in_use = (each for each in self.current.in_use() if (each.fragment, each.folder) == (fragment, folder))
        release = next(in_use, None)
        if release is not None:
            digest = release.files.get(key, "")
        else:
            try:
                digest = await asyncio.to_thread(load_digest, fragment, folder, key)
            except Error as error:
                logger.warning("asset_unreadable", folder=folder, detail=str(error))
                return None
        asset = await self.asset(digest) if digest else None
        return asset if asset is None or asset.body.coded else await self._compressed(asset)

    async def _compressed(self, asset: StoredAsset) -> StoredAsset:
        """Files that other files refer to are compressed at their first request, in a thread."""
        made = self._coded.get(asset.digest)
        if made is None:
            body = await asyncio.to_thread(CodedBody.of, asset.content_type, asset.body.plain)
            made = StoredAsset(asset.digest, asset.content_type, body)
            self._coded.put(asset.digest, made, len(body.plain) + sum(map(len, body.coded.values())))
        return made

    async def _begin(self) -> None:
        if self._hints is not None:
            self._hinted = asyncio.Event()
            self._hints.start(self._hinted.set)
        try:
            async with asyncio.timeout(FIRST_S_MAX):
                await self._refreshed()
        except TimeoutError:
            logger.error("registry_unread", detail=f"no answer within {FIRST_S_MAX:g} s")
        if not self._was_read and self._file is not None:
            await self._begin_with(self._file)
        self._task = asyncio.create_task(self._follow(), name="registry-snapshot-poller")

    async def _begin_with(self, file: SnapshotFile) -> None:
        """The database is away from the first page on: what was live last is served until it is there."""
        found = await asyncio.to_thread(file.read)
        if found is not None and not self._was_read:
            self.current, self.holds = found
            logger.warning("registry_from_disk", generation=self.current.generation)
            self._on_change(self.current, self.holds)
            self._notified = self.current.generation

    async def _follow(self) -> None:
        failures = 0
        while True:
            listening = self._hints is not None and self._hints.listening
            await self._wait(wait_s(self._policy, failures=failures, listening=listening), heed=not failures)
            # What is announced from here on may be after the look, and wants another.
            self._hinted.clear()
            failures = 0 if await self._refreshed() else failures + 1

    async def _wait(self, seconds: float, *, heed: bool) -> None:
        """So long, or, where hints are to be heeded, until the first that is not too soon after the last look."""
        gap_s = min(self._policy.hint_gap_s, seconds) if heed else seconds
        await asyncio.sleep(gap_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds - gap_s):
                await self._hinted.wait()

    async def _look(self) -> bool:
        async with self._loading:
            self._next_look = None
            try:
                return await self._load()
            except Exception:
                logger.exception("registry_refresh_broke", generation=self.current.generation)
                return False

    async def _refreshed(self) -> bool:
        """Whether a refresh went well. Whatever went wrong is logged: a poller that ended would follow no publish."""
        try:
            await self.refresh()
        except Exception:
            logger.exception("registry_refresh_broke", generation=self.current.generation)
            return False
        return True

    async def _load(self) -> bool:
        try:
            snapshot, holds = await asyncio.to_thread(load_snapshot, self.current, self.holds)
        except Error as error:
            logger.warning("registry_unreadable", detail=str(error), generation=self.current.generation)
            return False
        self._was_read = True
        changed = snapshot.generation != self.current.generation
        if changed:
            self.current, self.holds = snapshot, holds
            logger.info("registry_loaded", generation=snapshot.generation, fragments=sorted(snapshot.releases))
        if self._notified != self.current.generation:
            self._on_change(self.current, self.holds)
            self._notified = self.current.generation
        if changed and self._file is not None:
            await asyncio.to_thread(self._file.write, snapshot, holds)
        return True
