"""Revocations: a sign-out is pushed to every shell process, so that a cookie of the last minute stops counting at once.

Public: `Revocations`.
With Redis away a sign-out still ends the session and deletes the cookie in that browser; a copied cookie lives out
its minute in the other processes.
"""

import asyncio
import time

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bff.resilience import log
from shell.fleet.channel import end, listen

CHANNEL = "mullion:revoked"

logger = log.get("revocations")


class Revocations:
    """Session marks that are over, kept as long as a cookie naming one could still count (`keep_s`)."""

    def __init__(self, redis_url: str, *, keep_s: int) -> None:
        self._redis_url = redis_url
        self._keep_s = keep_s
        self._over: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    def is_over(self, mark: str) -> bool:
        return mark in self._over and self._over[mark] > time.monotonic()

    def note(self, mark: str) -> None:
        """Remember that the session behind `mark` is over, and forget what no cookie can name any more."""
        now = time.monotonic()
        self._over = {known: until for known, until in self._over.items() if until > now}
        self._over[mark] = now + self._keep_s

    async def push(self, mark: str, player: str) -> None:
        """Tell every process; a Redis that is away is logged, never raised."""
        self.note(mark)
        client = Redis.from_url(self._redis_url, socket_connect_timeout=0.05, socket_timeout=0.1)
        try:
            await client.publish(CHANNEL, msgspec.json.encode({"player": player, "mark": mark}))
        except (RedisError, OSError) as error:
            logger.warning("revocation_not_pushed", detail=str(error))
        finally:
            await client.aclose()

    async def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(listen(self._redis_url, CHANNEL, self._heard), name="revocations")

    async def stop(self) -> None:
        if self._task is not None:
            await end([self._task])
            self._task = None

    def _heard(self, data: bytes) -> None:
        try:
            mark = msgspec.json.decode(data, type=dict[str, str]).get("mark", "")
        except msgspec.DecodeError:
            logger.warning("revocation_malformed")
            return
        if mark:
            self.note(mark)
