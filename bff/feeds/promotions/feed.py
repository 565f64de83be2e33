"""Promotions, from the provider's list to the query store and the broker.

Public: `PromotionsFeed`.
"""

import asyncio
import contextlib
import random
import time
from datetime import UTC, datetime

import msgspec

from bff.broker import Broker
from bff.contracts.promotions import PROMOTIONS_TOPIC, OfferState
from bff.feeds.health import FeedHealth
from bff.feeds.leadership import Leadership
from bff.feeds.policy import FEEDS, PROMOTIONS, FeedsPolicy, PromotionsPolicy
from bff.feeds.promotions.offers import parse
from bff.feeds.promotions.poll import Poller, PollFailed
from bff.feeds.promotions.publishing import OfferPublisher
from bff.feeds.reading import BadMessage, ProviderRefused
from bff.resilience import log
from bff.resilience.backoff import Backoff
from bff.resilience.reason import Reason
from bff.store import Store, StoreUnavailable

FEED = "promotions"
WRITE_S = 0.25


class PromotionsFeed:
    """Runs until cancelled. Anything that it raises is a mistake on this side, for the supervisor."""

    name = FEED

    def __init__(
        self,
        store: Store,
        broker: Broker,
        url: str,
        currencies: list[str],
        owner: str,
        policy: PromotionsPolicy = PROMOTIONS,
        shared: FeedsPolicy = FEEDS,
    ) -> None:
        self._store = store
        self._currencies = frozenset(currencies)
        self._policy = policy
        self._shared = shared
        self._logger = log.get("feeds")
        self.health = FeedHealth(FEED, shared)
        self._leadership = Leadership(store, FEED, owner, shared, self.health)
        self._url = url
        self._publisher = OfferPublisher(broker)
        self._offers: list[OfferState] | None = None
        self._write_due = False
        self._beat_due = False
        self._republished_at = -policy.republish_s
        self._failures = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._leadership.run(self._refill))
            tasks.create_task(self._read())
            tasks.create_task(self._write())
            tasks.create_task(self._publisher.run())

    def _refill(self) -> None:
        self._write_due = self._offers is not None
        # What was heard a moment ago still holds; it is written to a store that was flushed at once.
        self._beat_due = self._beat_due or (self.health.connected and self._offers is not None)

    async def _read(self) -> None:
        poller, backoff = Poller(self._url, self._policy), Backoff(self._shared.backoff)
        try:
            while True:
                await self._leadership.wait_leading()
                await self._seed()
                try:
                    await self._poll(poller)
                except PollFailed as failed:
                    poller.forget()
                    await self._failed(failed)
                    wait_s = failed.retry_after_s
                    await asyncio.sleep(backoff.next_s() if wait_s is None else wait_s * random.uniform(1, 1.1))  # noqa: S311
                else:
                    backoff.reset()
                    await asyncio.sleep(self._policy.poll_s * random.uniform(0.9, 1.1))  # noqa: S311
        finally:
            await poller.aclose()

    async def _seed(self) -> None:
        """What a predecessor published, so that what has gone since is withdrawn."""
        if self._offers is not None:
            return
        try:
            record = await self._store.get(PROMOTIONS_TOPIC)
            self._publisher.begin_with(record.decode(list[OfferState]) if record is not None else [])
        except (StoreUnavailable, msgspec.ValidationError) as error:
            self._logger.info("begins_empty", feed=FEED, detail=str(error))

    async def _poll(self, poller: Poller) -> None:
        polled = await poller.poll()
        if polled.body is not None:
            self._take(polled.body)
            poller.took()
        self.health.attempt("ok")
        self.health.set_connected(True)
        self._beat_due = True
        if self._failures >= self._policy.failures_stale:
            self._logger.info("feed_healed", feed=FEED)
        self._failures = 0
        if self._offers is not None and time.monotonic() - self._republished_at >= self._policy.republish_s:
            self._republished_at = time.monotonic()
            self._publisher.publish(self._offers, everything=True)

    def _take(self, body: bytes) -> None:
        try:
            now = datetime.now(UTC)
            offers = parse(body, currencies=self._currencies, policy=self._policy, health=self.health, now=now)
        except BadMessage as bad:
            self.health.bad(body, str(bad))
            raise PollFailed(Reason.CONTENT_TYPE, str(bad)) from bad
        except ProviderRefused as refused:
            self.health.bad(body, f"the provider refused: {refused}")
            raise PollFailed(Reason.UPSTREAM_ERROR, f"the provider refused: {refused}") from refused
        self.health.message("ok")
        if offers != self._offers:
            self._offers, self._write_due = offers, True
        self._publisher.publish(offers)

    async def _failed(self, failed: PollFailed) -> None:
        self.health.attempt(failed.reason)
        self.health.set_connected(False, failed.reason)
        self._failures += 1
        if self._failures < self._policy.failures_stale:
            return
        if self._failures == self._policy.failures_stale:
            self._logger.warning("feed_failing", feed=FEED, reason=failed.reason.value, detail=failed.detail)
        self._beat_due = False
        with contextlib.suppress(StoreUnavailable):
            await self._store.heartbeat(FEED, "stale", failed.reason)

    async def _write(self) -> None:
        """Offers first, then the heartbeat that vouches for them; what the store did not take, again."""
        while True:
            await asyncio.sleep(WRITE_S)
            if not self._leadership.leads:
                continue
            try:
                if self._write_due and self._offers is not None:
                    offers = self._offers
                    await self._store.put(PROMOTIONS_TOPIC, offers, feed=FEED)
                    self._write_due = self._offers is not offers
                if self._beat_due:
                    await self._store.heartbeat(FEED)
                    self._beat_due = False
            except StoreUnavailable:
                continue
