"""Breaker transitions between shell processes, over Redis pub/sub: evidence for the others, never a verdict.

Public: `RedisEvidence`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable

import msgspec
from redis.exceptions import RedisError

from bff.resilience import log, pubsub
from bff.resilience.breaker import Position, Transition
from bff.resilience.evidence import Listener
from bff.resilience.redis_clients import async_client

CHANNEL = "mullion:breakers"
QUEUED_MAX = 256

logger = log.get("fleet")


class _Message(msgspec.Struct, array_like=True):
    sender: str
    upstream: str
    before: Position
    after: Position
    cause: str


class RedisEvidence:
    """Publishes from a bounded queue and hears in the background; what can not be sent in time is dropped."""

    def __init__(self, redis_url: str, *, sender: str) -> None:
        self._redis_url = redis_url
        self._sender = sender
        self._queue: asyncio.Queue[Transition] = asyncio.Queue(QUEUED_MAX)
        self._listeners: dict[str, list[Listener]] = defaultdict(list)
        self._tasks: list[asyncio.Task[None]] = []

    def publish(self, transition: Transition) -> None:
        try:
            self._queue.put_nowait(transition)
        except asyncio.QueueFull:
            logger.debug("evidence_dropped", upstream=transition.upstream)

    def subscribe(self, upstream: str, listener: Listener) -> Callable[[], None]:
        self._listeners[upstream].append(listener)
        return lambda: self._listeners[upstream].remove(listener)

    async def start(self) -> None:
        """Begin to send and hear. A second call does nothing."""
        if not self._tasks:
            policy = pubsub.SubscriptionPolicy()
            following = pubsub.follow(self._redis_url, self._received, channels=[CHANNEL], policy=policy)
            self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(following)]

    async def stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        await pubsub.cancel(tasks)

    async def _send(self) -> None:
        client = async_client(self._redis_url, connect_s=0.05, answer_s=0.1)
        try:
            while True:
                transition = await self._queue.get()
                message = _Message(
                    self._sender, transition.upstream, transition.before, transition.after, transition.cause[:200]
                )
                try:
                    await client.publish(CHANNEL, msgspec.json.encode(message))
                except (RedisError, OSError) as error:
                    logger.debug("evidence_unsent", detail=str(error))
        finally:
            await client.aclose()

    def _received(self, _channel: str, data: bytes) -> None:
        try:
            message = msgspec.json.decode(data, type=_Message)
        except msgspec.DecodeError:
            logger.warning("evidence_malformed")
            return
        if message.sender != self._sender:
            for listener in list(self._listeners.get(message.upstream, ())):
                listener(Transition(message.upstream, message.before, message.after, message.cause))
