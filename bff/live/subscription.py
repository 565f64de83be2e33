"""The process's one subscription to what the store tells.

Public: `Subscription`, `LIVE_PREFIX`, `REVOKED_CHANNEL`.
The border to redis-py's pub/sub. The store's own `listen` decodes each message and knows topics only; here the bytes
are passed on as they came, and revocations arrive over the same connection.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bff.live.policy import LivePolicy

LIVE_PREFIX = "live:"
REVOKED_CHANNEL = "mullion:revoked"
# What went over that channel lately, for whoever did not listen just then.
REVOKED_LOG = "mullion:revocations"


class Subscription:
    """Runs for ever: connects, listens, says when it is lost, and tries again after a random while.

    `heard(channel, raw)` gets every message, `found()` is called when listening begins, `lost(why)` when it ends.
    """

    def __init__(
        self,
        url: str,
        policy: LivePolicy,
        *,
        heard: Callable[[str, bytes], None],
        found: Callable[[], None],
        lost: Callable[[str], None],
    ) -> None:
        self._policy = policy
        self._heard = heard
        self._found = found
        self._lost = lost
        # No retries and no second opinion on time: a loss must be seen here, because a snapshot has to follow it.
        self._client = Redis.from_url(
            url,
            socket_connect_timeout=policy.connect_s,
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                self._lost(f"{type(error).__name__}: {error}".rstrip(": "))
            lived = asyncio.get_running_loop().time() - began
            failures = 0 if lived > self._policy.silence_s * 2 else failures + 1
            limit_s = min(self._policy.retry_s_max, self._policy.retry_s * 2**failures)
            await asyncio.sleep(random.uniform(0, limit_s))  # noqa: S311 (jitter)

    async def _listen(self) -> None:
        pubsub = self._client.pubsub()
        try:
            async with asyncio.timeout(self._policy.connect_s):
                await pubsub.psubscribe(LIVE_PREFIX + "*")
                await pubsub.subscribe(REVOKED_CHANNEL)
                revoked: list[bytes] = await self._client.zrange(REVOKED_LOG, 0, -1)  # type: ignore[assignment]  # nothing is decoded
            for raw in revoked:
                self._heard(REVOKED_CHANNEL, raw)
            await self._hear(pubsub)
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py has no types here

    async def _hear(self, pubsub: PubSub) -> None:
        clock = asyncio.get_running_loop().time
        heard = pinged = clock()
        subscribed = turn = 0
        while True:
            message: dict[str, Any] | None = await pubsub.get_message(timeout=self._policy.ping_s)
            now = clock()
            if message is not None:
                heard = now
                if message["type"] in ("message", "pmessage"):
                    self._heard(message["channel"].decode(), message["data"])
                elif message["type"] in ("subscribe", "psubscribe"):
                    subscribed += 1
                    if subscribed == 2:
                        self._found()
                turn += 1
                if turn % self._policy.messages_per_turn == 0:
                    # Reading what has already arrived never waits, so a flood would keep every socket from its turn.
                    await asyncio.sleep(0)
            if now - heard >= self._policy.silence_s:
                raise TimeoutError("the subscription has fallen silent")
            if now - pinged >= self._policy.ping_s:
                pinged = now
                async with asyncio.timeout(self._policy.connect_s):
                    await pubsub.ping()
