"""The border to Valkey or Redis: limits, breaker, and one typed error.

Public: `Connection`, `StoreUnavailable`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from redis.exceptions import NoScriptError, RedisError

from bff.resilience.reason import Reason
from bff.resilience.redis_clients import AsyncClient, async_client
from bff.store.breaker import StoreBreaker
from bff.store.policy import StorePolicy

T = TypeVar("T")
Command = tuple[Any, ...]


class StoreUnavailable(Exception):
    """The query store did not answer in time, or not at all. The message says how."""

    reason = Reason.STORE_DOWN


class Connection:
    """A pool of connections to one store. Opens none until the first call."""

    def __init__(self, url: str, policy: StorePolicy, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self.breaker = StoreBreaker(policy)
        # The total limit is ours (see `run`).
        self.client = async_client(url, connections_max=policy.connections_max, connect_s=None, answer_s=None)

    async def run(self, call: Callable[[AsyncClient], Awaitable[T]]) -> T:
        """The answer of `call`, or `StoreUnavailable` within the policy's limit."""
        if not self.breaker.allows(self._clock()):
            raise StoreUnavailable("the query store has failed several times in a row and is being left alone")
        try:
            async with self._limit():
                answer = await call(self.client)
        except (RedisError, OSError, TimeoutError) as error:
            self.breaker.failed(self._clock())
            raise StoreUnavailable(
                f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            ) from error
        self.breaker.succeeded()
        return answer

    @contextlib.asynccontextmanager
    async def _limit(self) -> AsyncIterator[None]:
        """The limit, then `grace_ms`: a loop that was held up must see what has arrived before it judges the store."""
        loop = asyncio.get_running_loop()
        limit_s = (self._policy.connect_ms + self._policy.op_ms) / 1000
        async with asyncio.timeout(None) as limit:
            grace_s = self._policy.grace_ms / 1000
            timer = loop.call_later(limit_s, lambda: limit.reschedule(loop.time() + grace_s))
            try:
                yield
            finally:
                timer.cancel()

    async def pipeline(self, commands: Sequence[Command], *, scripts: Sequence[str] = ()) -> list[Any]:
        """The answers to `commands` in one round trip. `scripts` are loaded first where the store has lost them."""

        async def send(client: AsyncClient) -> list[Any]:
            async with client.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                return await pipe.execute(raise_on_error=False)

        answers = await self.run(send)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            await self.run(lambda client: asyncio.gather(*(client.script_load(script) for script in scripts)))
            answers = await self.run(send)
        for answer in answers:
            if isinstance(answer, RedisError):
                raise StoreUnavailable(f"{type(answer).__name__}: {answer}") from answer
        return answers

    async def aclose(self) -> None:
        await self.client.aclose(close_connection_pool=True)
