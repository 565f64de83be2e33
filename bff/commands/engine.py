"""Where the engine touches its database: a few threads of its own, and one typed error.

Public: `Engine`, `EngineUnavailable`.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connection

from bff.commands.policy import POLICY, EnginePolicy

P = ParamSpec("P")
T = TypeVar("T")


class EngineUnavailable(Exception):
    """The database did not answer, refused, or is too busy. What was asked may have been done: ask again by its key."""

    reason = "engine_down"


class Engine:
    """Runs work on the database outside of the event loop. Each thread keeps its connection while it is good."""

    def __init__(self, threads: int | None = None, policy: EnginePolicy = POLICY) -> None:
        by_vendor = policy.threads_sqlite if connection.vendor == "sqlite" else policy.threads_postgres
        self._policy = policy
        self._pool = ThreadPoolExecutor(threads or by_vendor, thread_name_prefix="engine")
        self._waiting = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work(…)` returns or raises; `EngineUnavailable` for the database's failures and a full queue."""
        if self._waiting >= self._policy.waiting_max:
            raise EngineUnavailable(f"{self._waiting} commands are waiting already")
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, _guarded, lambda: work(*args, **kwargs))
        future.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(self._policy.command_ms_max / 1000):
                # The work goes on when its caller leaves: half a command would be worse than an unread answer.
                return await asyncio.shield(future)
        except TimeoutError as error:
            raise EngineUnavailable("the database took too long") from error

    def close(self) -> None:
        """Wait for what runs, then end the threads and their connections."""
        self._pool.submit(connection.close)
        self._pool.shutdown(wait=True)

    def _ended(self, future: "asyncio.Future[object]") -> None:
        self._waiting -= 1
        if not future.cancelled():
            future.exception()  # seen here, in case nobody waits for it any more


def _guarded(work: Callable[[], T]) -> T:
    try:
        connection.close_if_unusable_or_obsolete()
        return work()
    except (OperationalError, InterfaceError, InternalError) as error:
        connection.close()
        raise EngineUnavailable(f"{type(error).__name__}: {error}") from error
