"""A small pool of threads for blocking calls, with a bounded wait for a thread.

Public: `Threads`, `ThreadsBusy`.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

from bff.resilience.bulkhead import Bulkhead, Place

T = TypeVar("T")


class ThreadsBusy(Exception):
    """There was no answer in time: no thread was free, or the call is still on its way. `began` says which."""

    def __init__(self, *, began: bool) -> None:
        super().__init__("no answer in time" if began else "too many are waiting")
        self.began = began


class Threads:
    """`threads_max` calls at once; `waiting_max` may wait for a thread.

    The place belongs to the call, not to the caller: a call that hangs keeps its thread until it ends, so a hanging
    store uses up these threads and no others. With `connection_age_s_max` a thread keeps its database connection for so
    long and looks at it before each call; else it closes it after the call.
    """

    def __init__(self, name: str, threads_max: int, waiting_max: int, *, connection_age_s_max: float = 0.0) -> None:
        self._bulkhead = Bulkhead(threads_max, waiting_max)
        self._connection_age_s_max = connection_age_s_max
        self._executor = ThreadPoolExecutor(threads_max, thread_name_prefix=name)

    async def run(self, call: Callable[[], T], *, deadline_ms: float) -> T:
        """What `call` returns or raises; `ThreadsBusy` after `deadline_ms`."""
        deadline = time.monotonic() + deadline_ms / 1000
        place = await self._bulkhead.enter(deadline_ms)
        if place is None:
            raise ThreadsBusy(began=False)
        future = asyncio.get_running_loop().run_in_executor(self._executor, self._in_thread, call)
        future.add_done_callback(lambda done: _ended(done, place))
        try:
            return await asyncio.wait_for(asyncio.shield(future), max(0.0, deadline - time.monotonic()))
        except TimeoutError as error:
            raise ThreadsBusy(began=True) from error

    def _in_thread(self, call: Callable[[], T]) -> T:
        if not connection.in_atomic_block:
            # Closes one that is too old, and has another looked at before it is used.
            connection.close_if_unusable_or_obsolete()
        before, succeeded = connection.connection, False
        try:
            result = call()
            succeeded = True
            return result
        finally:
            # The thread goes back to its pool: it must not keep a connection that failed, or that nobody closes.
            if succeeded and self._connection_age_s_max > 0:
                if connection.connection is not before:
                    connection.close_at = time.monotonic() + self._connection_age_s_max
            elif not connection.in_atomic_block:
                connection.close()


def _ended(done: "asyncio.Future[T]", place: Place) -> None:
    place.leave()
    if not done.cancelled():
        done.exception()  # read here, so that a call nobody waits for any more is not reported as lost
