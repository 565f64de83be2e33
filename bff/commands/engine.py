"""Where the engine touches its database: a few threads of its own, and one typed error.

Public: `Engine`, `EngineUnavailable`.
"""

import asyncio
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, ParamSpec, TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    connections,
    transaction,
)

from bff.commands.policy import POLICY, EnginePolicy
from bff.commands.postgresql import CommitUnknown
from bff.commands.turns import in_turn

P = ParamSpec("P")
T = TypeVar("T")
Work = Callable[[], Any]

_DATABASE_FAILED = (OperationalError, InterfaceError, InternalError)


class EngineUnavailable(Exception):
    """The database did not answer, refused, or is too busy.

    Nothing was done, and nothing will be; unless `begun`: then it may be done, by now or in a moment, and only asking
    again by its key tells.
    """

    reason = "engine_down"

    def __init__(self, detail: str, *, begun: bool = False) -> None:
        super().__init__(detail)
        self.begun = begun


class _Call(Generic[T]):
    """A piece of work on its way. `line` is the connection of the thread that is at it, from `began_at` on."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.work = work
        self.done: Future[T] = Future()
        self.line: Any = None
        self.began_at = 0.0


class Engine:
    """Runs work on the database outside of the event loop. Each thread keeps its connection while it is good.

    Where there is one writer (SQLite), work that waits is done in one transaction: each piece holds or fails by itself,
    and all of them wait for the disk once.
    """

    def __init__(self, threads: int | None = None, policy: EnginePolicy = POLICY) -> None:
        # A thread at the database gives Python's lock away with each statement and has to ask for it again: at the
        # usual 5 ms a busy event loop would keep it waiting that long, some eighteen times a command.
        sys.setswitchinterval(policy.switch_ms / 1000)
        alone = connection.vendor == "sqlite"
        by_vendor = policy.threads_sqlite if alone else policy.threads_postgres
        self._policy = policy
        self._together_max = policy.together_max if alone else 1
        self._pool = ThreadPoolExecutor(threads or by_vendor, thread_name_prefix="engine")
        self._calls: deque[_Call[Any]] = deque()
        self._waiting = 0
        self._lines = threading.Lock()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work(…)` returns or raises; `EngineUnavailable` for the database's failures and a full queue.

        Whoever waits is answered in `command_ms_max`. What has not begun by then never will; what has goes on.
        """
        if self._waiting >= self._policy.waiting_max:
            raise EngineUnavailable(f"{self._waiting} commands are waiting already")
        self._waiting += 1
        call = _Call(lambda: work(*args, **kwargs))
        self._calls.append(call)
        self._pool.submit(self._some)
        future = asyncio.wrap_future(call.done)
        future.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(self._policy.command_ms_max / 1000):
                # The work goes on when its caller leaves: half a command would be worse than an unread answer.
                return await asyncio.shield(future)
        except TimeoutError as error:
            begun = not call.done.cancel()
            if begun:
                self._watch(call)
            raise EngineUnavailable("the database took too long", begun=begun) from error

    def close(self) -> None:
        """Wait for what runs, then end the threads and their connections."""
        self._pool.submit(connection.close)
        self._pool.shutdown(wait=True)

    def _ended(self, future: "asyncio.Future[Any]") -> None:
        self._waiting -= 1
        if not future.cancelled():
            future.exception()  # seen here, in case nobody waits for it any more

    def _watch(self, call: _Call[Any]) -> None:
        """Hang up on a database that says nothing, as often as it takes, so that no thread waits for it for ever."""
        left_s = call.began_at + self._policy.silent_ms_max / 1000 - time.monotonic()
        with self._lines:
            if call.line is None:
                return
            if left_s <= 0 and call.line.vendor == "postgresql":
                call.line.hang_up()
        asyncio.get_running_loop().call_later(max(1.0, left_s), self._watch, call)

    def _some(self) -> None:
        """In a thread: what waits, as much as may go together. An earlier turn may have left nothing."""
        calls: list[_Call[Any]] = []
        while len(calls) < self._together_max:
            try:
                call = self._calls.popleft()
            except IndexError:
                break
            if call.done.set_running_or_notify_cancel():
                call.began_at, call.line = time.monotonic(), connections[DEFAULT_DB_ALIAS]
                calls.append(call)
        answers = _answers([call.work for call in calls], self._policy) if calls else []
        with self._lines:
            for call in calls:
                call.line = None
        for call, answer in zip(calls, answers, strict=True):
            call.done.set_exception(answer) if isinstance(answer, Exception) else call.done.set_result(answer)


def _answers(works: list[Work], policy: EnginePolicy) -> list[Any]:
    """What each work returned or raised."""
    alone = len(works) == 1
    try:
        return [_guarded(works[0], policy)] if alone else _guarded(lambda: _together(works), policy)
    except EngineUnavailable as error:
        return [error] * len(works)
    except Exception as error:  # noqa: BLE001 (whoever waits for the answer gets it)
        return [error] * len(works)


def _together(works: list[Work]) -> list[Any]:
    answers: list[Any] = []
    with transaction.atomic():
        for work in works:
            try:
                with transaction.atomic():
                    answers.append(work())
            except _DATABASE_FAILED:
                raise  # a database that fails takes all of them back
            except Exception as error:  # noqa: BLE001 (whoever waits for the answer gets it)
                answers.append(error)
    return answers


def _guarded(work: Callable[[], T], policy: EnginePolicy) -> T:
    try:
        connection.close_if_unusable_or_obsolete()
        return in_turn(work, policy) if connection.vendor == "sqlite" else work()
    except _DATABASE_FAILED as error:
        connection.close()
        raise EngineUnavailable(f"{type(error).__name__}: {error}", begun=isinstance(error, CommitUnknown)) from error
