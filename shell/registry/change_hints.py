"""A change of the registry is announced over Valkey or Redis, so that every shell looks at once.

Public: `CHANNEL`, `announce`, `announce_written`, `ChangeHints`.
An announcement says nothing but that it is time to look: what is live stands in the database alone, and whoever else
can publish there makes shells look, no oftener than `PollPolicy` lets them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

from bff.resilience import log, pubsub
from bff.resilience.redis_clients import AsyncClient, blocking_client
from shell.registry.models import AuditEntry

CHANNEL = "mullion:registry"
CONNECT_S = 0.25
ANSWER_S = 0.25

logger = log.get("registry")


def announce(redis_url: str) -> None:
    """Have every shell look now. One that is not reached looks by itself, so what goes wrong is logged and no more."""
    try:
        with blocking_client(redis_url, connect_s=CONNECT_S, answer_s=ANSWER_S) as client:
            client.publish(CHANNEL, b"")
    except (RedisError, OSError) as error:
        logger.info("change_unannounced", detail=str(error))


def announce_written(sender: type[AuditEntry], instance: AuditEntry, **_: Any) -> None:
    """A row that shells have to load for is announced once everybody can read it, and never where it is taken back."""
    if instance.changes_pages:
        transaction.on_commit(lambda: announce(settings.REDIS_URL))


class ChangeHints:
    """Listens in the background; `on_hint` is called for each announcement, and where some may have been missed.

    `listening` says whether what is announced reaches this process.
    """

    def __init__(self, redis_url: str, policy: pubsub.SubscriptionPolicy | None = None) -> None:
        self.listening = False
        self._redis_url = redis_url
        self._policy = policy or pubsub.SubscriptionPolicy()
        self._on_hint: Callable[[], None] = lambda: None
        self._task: asyncio.Task[None] | None = None

    def start(self, on_hint: Callable[[], None]) -> None:
        """Begin to listen. A second call does nothing."""
        if self._task is None:
            self._on_hint = on_hint
            self._task = asyncio.create_task(self._listen(), name="registry-change-hints")

    async def stop(self) -> None:
        task, self._task, self.listening = self._task, None, False
        if task is not None:
            await pubsub.cancel([task])

    async def _listen(self) -> None:
        await pubsub.follow(
            self._redis_url,
            lambda channel, data: self._on_hint(),
            channels=[CHANNEL],
            policy=self._policy,
            subscribed=self._subscribed,
            lost=self._lost,
        )

    async def _subscribed(self, _client: AsyncClient) -> None:
        self.listening = True
        self._on_hint()

    def _lost(self, _detail: str) -> None:
        if self.listening:
            self.listening = False
            self._on_hint()
