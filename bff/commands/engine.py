"""Where the engine touches its database: a few threads of its own, and one typed error.

Public: `Engine`, `EngineUnavailable`.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connection, transaction

from bff.commands.policy import POLICY, EnginePolicy
from bff.commands.turns import in_turn

P = ParamSpec("P")
T = TypeVar("T")
Work = Callable[[], Any]

_DATABASE_FAILED = (OperationalError, InterfaceError, InternalError)


class EngineUnavailable(Exception):
    """The database did not answer, refused, or is too busy. What was asked may have been done: ask again by its key."""

    reason = "engine_down"


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
        self._calls: deque[tuple[Work, Future[Any]]] = deque()
        self._waiting = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work(…)` returns or raises; `EngineUnavailable` for the database's failures and a full queue."""
        if self._waiting >= self._policy.waiting_max:
            raise EngineUnavailable(f"{self._waiting} commands are waiting already")
        self._waiting += 1
        done: Future[T] = Future()
        self._calls.append((lambda: work(*args, **kwargs), done))
        self._pool.submit(self._some)
        future = asyncio.wrap_future(done)
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

    def _ended(self, future: "asyncio.Future[Any]") -> None:
        self._waiting -= 1
        if not future.cancelled():
            future.exception()  # seen here, in case nobody waits for it any more

    def _some(self) -> None:
        """In a thread: what waits, as much as may go together. An earlier turn may have left nothing."""
        calls = []
        while len(calls) < self._together_max:
            try:
                calls.append(self._calls.popleft())
            except IndexError:
                break
        works = [work for work, _ in calls]
        for (_, done), answer in zip(calls, _answers(works, self._policy) if calls else [], strict=True):
            done.set_exception(answer) if isinstance(answer, Exception) else done.set_result(answer)


def _answers(works: list[Work], policy: EnginePolicy) -> list[Any]:
    """What each work returned or raised."""
    alone = len(works) == 1
    try:
        return [_guarded(works[0], policy)] if alone else _guarded(lambda: _together(works), policy)
    except EngineUnavailable as error:
        return [error] * len(works)
    except Exception as error:  # noqa: BLE001 (whoever waits for the answer gets it)
        return [error]


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
        raise EngineUnavailable(f"{type(error).__name__}: {error}") from error
