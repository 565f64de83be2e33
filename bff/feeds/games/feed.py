"""The catalogue of one provider, from its protocol to the query store.

Public: `GamesFeed`. Each provider's has its own lease and freshness.
"""

import asyncio
import contextlib
import random
import time

import msgspec

from bff.contracts.games import GameState, ProviderCatalogue, catalogue_topic, games_feed, games_part_topic
from bff.feeds.games.catalogue import PARTS, Catalogue
from bff.feeds.games.source import Batch, Held, Source, SourceFailed
from bff.feeds.health import FeedHealth
from bff.feeds.leadership import Leadership
from bff.feeds.policy import FEEDS, GAMES, FeedsPolicy, GamesPolicy
from bff.resilience import log
from bff.resilience.backoff import Backoff
from bff.resilience.reason import Reason
from bff.store import Put, Store, StoreUnavailable


class GamesFeed:
    """Runs until cancelled. Anything that it raises is a mistake on this side, for the supervisor."""

    def __init__(
        self,
        store: Store,
        provider_id: str,
        title: str,
        owner: str,
        policy: GamesPolicy = GAMES,
        shared: FeedsPolicy = FEEDS,
    ) -> None:
        """`title` is what players call the provider. `source` has to be set before it runs."""
        self.name = games_feed(provider_id)
        self.health = FeedHealth(self.name, shared)
        self.source: Source
        self._store = store
        self._policy = policy
        self._shared = shared
        self._logger = log.get("feeds")
        self._leadership = Leadership(store, self.name, owner, shared, self.health)
        self._catalogue = Catalogue(provider_id, title, policy)
        self._backoff = Backoff(shared.backoff)
        self._seeded = False
        self._beat_due = False
        self._failures = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._leadership.run(self._refill))
            tasks.create_task(self._read())
            tasks.create_task(self._write())

    def _refill(self) -> None:
        if len(self._catalogue):
            self._catalogue.touch_all()
        # What was heard a moment ago still holds; it is written to a store that was flushed at once.
        self._beat_due = self._beat_due or (self.health.connected and bool(len(self._catalogue)))

    # The provider

    async def _read(self) -> None:
        try:
            while True:
                await self._leadership.wait_leading()
                await self._seed()
                await asyncio.sleep(await self._read_once())
        finally:
            await self.source.aclose()

    async def _read_once(self) -> float:
        """One answer or connection; how long to wait until the next."""
        reading = asyncio.ensure_future(self.source.read(self))
        deposed = asyncio.ensure_future(self._leadership.wait_deposed())
        try:
            await asyncio.wait({reading, deposed}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                await reading
        except SourceFailed as failed:
            await self._failed(failed.reason, failed.detail)
            wait_s = failed.retry_after_s
            return self._backoff.next_s() if wait_s is None else wait_s * random.uniform(1, 1.1)  # noqa: S311
        except Held as held:
            self._failures = self._policy.failures_stale - 1  # it is certain, so it is said at once
            await self._failed(Reason.FEED_STALE, str(held))
            return self._policy.held_poll_s
        finally:
            for task in (reading, deposed):
                task.cancel()
            await asyncio.gather(reading, deposed, return_exceptions=True)
        return self.source.poll_s * random.uniform(0.9, 1.1)  # noqa: S311 (so that not all ask together)

    async def _seed(self) -> None:
        """What a predecessor wrote: what the provider says is held against it."""
        if self._seeded or len(self._catalogue):
            return
        provider = self._catalogue.provider_id
        try:
            records = await self._store.get_many([games_part_topic(provider, part) for part in range(PARTS)])
            parts = [record.decode(list[GameState]) for record in records.values() if record is not None]
        except (StoreUnavailable, msgspec.ValidationError) as error:
            self._logger.info("begins_empty", feed=self.name, detail=str(error))
            return
        self._catalogue.seed((game for part in parts for game in part), time.monotonic())
        self._seeded = True

    # What the source reads

    def take_all(self, batch: Batch) -> None:
        self._catalogue.take_all(batch, time.monotonic())
        self.health.message("ok")
        self.alive()

    def take_one(self, game: GameState) -> None:
        self._catalogue.take_one(game, time.monotonic())
        self.health.message("ok")

    def remove(self, code: str) -> None:
        self._catalogue.remove(code, time.monotonic())
        self.health.message("ok")

    def alive(self) -> None:
        if self._failures >= self._policy.failures_stale:
            self._logger.info("feed_healed", feed=self.name)
        if not self.health.connected:
            self.health.attempt("ok")
            self.health.set_connected(True)
        self._failures = 0
        self._backoff.reset()
        self._beat_due = True

    async def _failed(self, reason: Reason, detail: str) -> None:
        self.health.attempt(reason)
        self.health.set_connected(False, reason)
        self._failures += 1
        if self._failures < self._policy.failures_stale:
            return
        if self._failures == self._policy.failures_stale:
            self._logger.warning("feed_failing", feed=self.name, reason=reason.value, detail=detail)
        self._beat_due = False
        with contextlib.suppress(StoreUnavailable):
            await self._store.heartbeat(self.name, "stale", reason)

    # The query store

    async def _write(self) -> None:
        """Parts first, then the head that names them, then the heartbeat; what the store did not take, again."""
        while True:
            await asyncio.sleep(self._policy.write_s)
            if not self._leadership.leads:
                continue
            with contextlib.suppress(StoreUnavailable):
                await self._write_changes()
                # A heartbeat vouches for all that came before it, so what came meanwhile is written first.
                if self._beat_due and not self._catalogue.head_due:
                    await self._store.heartbeat(self.name)
                    self._beat_due = False

    async def _write_changes(self) -> None:
        catalogue = self._catalogue
        if not catalogue.head_due:
            return
        catalogue.seal()
        head: ProviderCatalogue = catalogue.head()
        parts = sorted(catalogue.dirty)
        catalogue.head_due = False
        try:
            for start in range(0, len(parts), self._policy.parts_at_once):
                some = parts[start : start + self._policy.parts_at_once]
                topics = {part: games_part_topic(catalogue.provider_id, part) for part in some}
                catalogue.dirty.difference_update(some)
                await self._store.put_many([Put(topics[part], catalogue.games(part), self.name) for part in some])
            await self._store.put(catalogue_topic(catalogue.provider_id), head, feed=self.name)
        except StoreUnavailable:
            catalogue.dirty.update(parts)
            catalogue.head_due = True
            raise
