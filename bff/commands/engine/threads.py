"""Where the engine touches its database: a few threads of its own, and one typed error.

Public: `Engine`, `EngineUnavailable`.
"""

import asyncio
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    connections,
    transaction,
)

from bff.commands.engine.policy import POLICY, EnginePolicy
from bff.commands.engine.postgresql import CommitUnknown
from bff.commands.engine.sqlite.turns import Turns

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


class _Call:
    """A piece of work on its way. `line` is the connection of the thread that is at it, from `began_at` on."""

    def __init__(self, work: Work, loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.answer: asyncio.Future[Any] = loop.create_future()
        self.patience: asyncio.TimerHandle | None = None
        self.withdrawn = False
        self.line: Any = None
        self.began_at = 0.0


class Engine:
    """Runs work on the database outside of the event loop. Each thread keeps its connection while it is good.

    Where there is one writer (SQLite), work that waits is done in one transaction: each piece holds or fails by itself,
    and all of them wait for the disk once.
    """

    def __init__(self, threads: int | None = None, policy: EnginePolicy = POLICY) -> None:
        # A thread at the database gives Python's lock away with each statement and has to ask for it again: at the
        # usual 5 ms a busy event loop would keep it waiting that long, some fifteen times a command.
        sys.setswitchinterval(policy.switch_ms / 1000)
        alone = connection.vendor == "sqlite"
        by_vendor = policy.threads_sqlite if alone else policy.threads_postgres
        self._policy = policy
        self._together_max = policy.together_max if alone else 1
        self._pool = ThreadPoolExecutor(threads or by_vendor, thread_name_prefix="engine")
        self._calls: deque[_Call] = deque()
        self._waiting = 0
        # Of what a call is at, which both sides read.
        self._lock = threading.Lock()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work(…)` returns or raises; `EngineUnavailable` for the database's failures and a full queue.

        Whoever waits is answered in `command_ms_max`. What has not begun by then never will; what has goes on, as it
        does when its caller leaves: half a command would be worse than an unread answer.
        """
        if self._waiting >= self._policy.waiting_max:
            raise EngineUnavailable(f"{self._waiting} commands are waiting already")
        self._waiting += 1
        loop = asyncio.get_running_loop()
        call = _Call(partial(work, *args, **kwargs), loop)
        self._calls.append(call)
        self._pool.submit(self._some)
        call.patience = loop.call_later(self._policy.command_ms_max / 1000, self._too_late, call)
        answer: T = await call.answer
        return answer

    def close(self) -> None:
        """Wait for what runs, then end the threads and their connections."""
        self._pool.submit(connection.close)
        self._pool.shutdown(wait=True)

    def _too_late(self, call: _Call) -> None:
        with self._lock:
            begun = call.began_at > 0
            call.withdrawn = not begun
        if begun:
            self._watch(call)
        else:
            self._waiting -= 1
        if not call.answer.done():
            call.answer.set_exception(EngineUnavailable("the database took too long", begun=begun))

    def _watch(self, call: _Call) -> None:
        """Hang up on a database that says nothing, as often as it takes, so that no thread waits for it for ever."""
        left_s = call.began_at + self._policy.silent_ms_max / 1000 - time.monotonic()
        with self._lock:
            if call.line is None:
                return
            if left_s <= 0 and call.line.vendor == "postgresql":
                call.line.hang_up()
        call.loop.call_later(max(1.0, left_s), self._watch, call)

    def _some(self) -> None:
        """In a thread: what waits, as much as may go together. An earlier turn may have left nothing."""
        calls: list[_Call] = []
        line = connections[DEFAULT_DB_ALIAS]
        with self._lock:
            while self._calls and len(calls) < self._together_max:
                call = self._calls.popleft()
                if not call.withdrawn:
                    call.began_at, call.line = time.monotonic(), line
                    calls.append(call)
        if not calls:
            return
        answers = _answers([call.work for call in calls], self._policy)
        with self._lock:
            for call in calls:
                call.line = None
        answered = list(zip(calls, answers, strict=True))
        for loop in {call.loop for call in calls}:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._tell, [each for each in answered if each[0].loop is loop])

    def _tell(self, answered: list[tuple[_Call, Any]]) -> None:
        """Back in the loop. Who has left, or has been answered because it took too long, hears nothing more."""
        self._waiting -= len(answered)
        for call, answer in answered:
            if call.patience is not None:
                call.patience.cancel()
            if call.answer.done():
                continue
            if isinstance(answer, StopIteration):
                answer = RuntimeError(f"the work ended with {answer!r}")  # a future takes that for its own end
            call.answer.set_exception(answer) if isinstance(answer, Exception) else call.answer.set_result(answer)


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
        if connection.connection is None:
            _open(policy)
        return _not_busy(work, policy)
    except _DATABASE_FAILED as error:
        connection.close()
        raise EngineUnavailable(f"{type(error).__name__}: {error}", begun=isinstance(error, CommitUnknown)) from error


def _not_busy(work: Callable[[], T], policy: EnginePolicy) -> T:
    """`work`, begun again where SQLite is busy: it takes the lock at its beginning or has done nothing.

    Whoever waits for its turn has waited already. What is left is rare: a log that is being recovered or tidied away.
    """
    until = time.monotonic() + policy.lock_ms_max / 1000
    while True:
        try:
            return work()
        except OperationalError as error:
            busy = getattr(error.__cause__, "sqlite_errorname", "").startswith("SQLITE_BUSY")
            if not busy or time.monotonic() >= until:
                raise
            time.sleep(policy.lock_poll_ms / 1000)


def _open(policy: EnginePolicy) -> None:
    line: Any = connections[DEFAULT_DB_ALIAS]
    line.ensure_connection()
    if line.vendor != "sqlite":
        return
    with line.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")  # it is waited for in `turns`
        if not policy.durable:
            cursor.execute("PRAGMA synchronous = NORMAL")
    try:
        line.turns = Turns(
            f"{line.settings_dict['NAME']}-door",
            wait_ms_max=policy.lock_ms_max,
            door_ms_max=policy.door_ms_max,
            poll_ms=policy.lock_poll_ms,
        )
    except OSError as error:
        raise OperationalError(f"there is no way to take turns: {error}") from error
