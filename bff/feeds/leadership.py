"""One reader per provider connection, however many processes stand ready.

Public: `Leadership`.
"""

import asyncio
from collections.abc import Callable

from bff.feeds.health import FeedHealth
from bff.feeds.policy import FeedsPolicy
from bff.resilience import log
from bff.store import LeaseState, Store, StoreUnavailable


class Leadership:
    """Holds the lease of one feed while `keep` runs.

    With the store gone nobody can be elected: whoever leads goes on reading, so that the store is warm again at once,
    and gives way when it finds another holder afterwards.
    """

    def __init__(self, store: Store, feed: str, owner: str, policy: FeedsPolicy, health: FeedHealth) -> None:
        self._store = store
        self._name = f"reader.{feed}"
        self._owner = owner
        self._policy = policy
        self._health = health
        self._logger = log.get("feeds")
        self._leading = asyncio.Event()
        self._deposed = asyncio.Event()

    @property
    def leads(self) -> bool:
        return self._leading.is_set()

    async def wait_leading(self) -> None:
        """Returns when this process leads."""
        await self._leading.wait()

    async def wait_deposed(self) -> None:
        """Returns when another process leads."""
        await self._deposed.wait()

    async def run(self, refill: Callable[[], None]) -> None:
        """Take and renew the lease, until cancelled; `refill` is called when the store may have lost what we wrote."""
        try:
            while True:
                try:
                    lease = await self._store.lease(self._name, self._owner, ttl_ms=self._policy.lease_ms)
                except StoreUnavailable:
                    pass  # decided nothing; who led goes on
                else:
                    self._set(bool(lease))
                    if lease is LeaseState.TAKEN:
                        refill()
                await asyncio.sleep(self._policy.renew_s)
        finally:
            await self._release()

    def _set(self, leads: bool) -> None:
        if leads == self._leading.is_set():
            return
        self._health.set_leading(leads)
        self._logger.info("leads" if leads else "stands_by", feed=self._health.feed)
        (self._leading.set if leads else self._leading.clear)()
        (self._deposed.clear if leads else self._deposed.set)()

    async def _release(self) -> None:
        if not self.leads:
            return
        self._set(False)
        try:
            await self._store.release(self._name, self._owner)
        except StoreUnavailable:
            return  # it runs out by itself
