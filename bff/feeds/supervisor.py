"""Feeds side by side, each in a task of its own that is started again when it fails.

Public: `Supervisor`, `Feed`.
"""

import asyncio
from typing import Any, Protocol

from bff.feeds.health import FeedHealth
from bff.feeds.policy import FeedsPolicy
from bff.resilience import log
from bff.resilience.backoff import Backoff
from bff.store import Store, StoreUnavailable

SETTLED_S = 30.0  # a feed that ran this long had not merely failed again


class Feed(Protocol):
    name: str
    health: FeedHealth

    async def run(self) -> None:
        """Until cancelled."""


class Supervisor:
    """Runs `feeds` and, as long as this process lives, announces feeds that fell silent."""

    def __init__(self, feeds: list[Feed], store: Store, policy: FeedsPolicy) -> None:
        self._feeds = feeds
        self._store = store
        self._policy = policy
        self._logger = log.get("feeds")
        self._store_is_up = True

    async def run(self, stop: asyncio.Event) -> None:
        tasks = [asyncio.create_task(self._run_feed(feed)) for feed in self._feeds]
        tasks.append(asyncio.create_task(self._announce()))
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def report(self) -> dict[str, Any]:
        """For `/healthz`."""
        feeds = {feed.name: feed.health.report() for feed in self._feeds}
        return {"ready": True, "store": "up" if self._store_is_up else "down", "feeds": feeds}

    async def _run_feed(self, feed: Feed) -> None:
        backoff, loop = Backoff(self._policy.backoff), asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await feed.run()
            except Exception as error:
                if loop.time() - began >= SETTLED_S:
                    backoff.reset()
                feed.health.crashed()
                retry_s = backoff.next_s()
                self._logger.error("feed_crashed", feed=feed.name, retry_s=round(retry_s, 2), exc_info=error)
                await asyncio.sleep(retry_s)

    async def _announce(self) -> None:
        while True:
            up, detail = True, ""
            try:
                await self._store.announce()
            except StoreUnavailable as error:
                up, detail = False, str(error)
            if up != self._store_is_up:
                self._store_is_up = up
                if up:
                    self._logger.info("store_answers_again")
                else:
                    self._logger.warning("store_down", reason=StoreUnavailable.reason.value, detail=detail)
            await asyncio.sleep(self._policy.announce_s)
