"""The engine's database access: a few threads of its own, and one typed error.

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
from bff.commands.engine.sqlite.writer_queue import WriterQueue
from bff.contracts import codes

P = ParamSpec("P")
T = TypeVar("T")
Work = Callable[[], Any]

_DATABASE_FAILED = (OperationalError, InterfaceError, InternalError)


class EngineUnavailable(Exception):
    """The database did not answer, refused, or is too busy.

    Nothing was done, and nothing will be. With `outcome_unknown` it may be done, by now or in a moment, and only
    asking again by its key tells.
    """

    reason = codes.ENGINE_DOWN

    def __init__(self, detail: str, *, outcome_unknown: bool = False) -> None:
        super().__init__(detail)
        self.outcome_unknown = outcome_unknown


class _Job:
    """A piece of work on its way. `database` is the connection of the thread that runs it, from `started_at` on."""

    def __init__(self, work: Work, loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.answer: asyncio.Future[Any] = loop.create_future()
        self.deadline: asyncio.TimerHandle | None = None
        self.cancelled = False
        self.database: Any = None
        self.started_at = 0.0


class Engine:
    """Runs work on the database outside of the event loop. Each thread keeps its connection while it is good.

    Where there is one writer (SQLite), work that waits is done in one transaction: each piece holds or fails by itself,
    and all of them wait for the disk once.
    """

    def __init__(self, threads: int | None = None, policy: EnginePolicy = POLICY) -> None:
        # A database thread releases Python's GIL with each statement and has to get it back: at the default switch
        # interval of 5 ms a busy event loop would keep it waiting that long, some fifteen times a command.
        sys.setswitchinterval(policy.switch_interval_ms / 1000)
        alone = connection.vendor == "sqlite"
        by_vendor = policy.threads_sqlite if alone else policy.threads_postgres
        self._policy = policy
        self._batch_max = policy.batch_commands_max if alone else 1
        self._pool = ThreadPoolExecutor(threads or by_vendor, thread_name_prefix="engine")
        self._jobs: deque[_Job] = deque()
        self._waiting = 0
        # Guards what threads and loop both read of a job.
        self._lock = threading.Lock()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work(…)` returns or raises; `EngineUnavailable` for the database's failures and a full queue.

        The caller gets an answer within `command_ms_max`. Work that has not started by then is dropped; work that has
        started goes on, as it does when its caller leaves: half a command would be worse than an unread answer.
        """
        if self._waiting >= self._policy.waiting_max:
            raise EngineUnavailable(f"{self._waiting} commands are waiting already")
        self._waiting += 1
        loop = asyncio.get_running_loop()
        job = _Job(partial(work, *args, **kwargs), loop)
        self._jobs.append(job)
        self._pool.submit(self._run_waiting)
        job.deadline = loop.call_later(self._policy.command_ms_max / 1000, self._out_of_time, job)
        answer: T = await job.answer
        return answer

    def close(self) -> None:
        """Wait for what runs, then end the threads and their connections."""
        self._pool.submit(connection.close)
        self._pool.shutdown(wait=True)

    def _out_of_time(self, job: _Job) -> None:
        with self._lock:
            outcome_unknown = job.started_at > 0
            job.cancelled = not outcome_unknown
        if outcome_unknown:
            self._watch_silence(job)
        else:
            self._waiting -= 1
        if not job.answer.done():
            job.answer.set_exception(EngineUnavailable("the database took too long", outcome_unknown=outcome_unknown))

    def _watch_silence(self, job: _Job) -> None:
        """Close the socket of a database that does not answer, until its thread is free again."""
        left_s = job.started_at + self._policy.silent_ms_max / 1000 - time.monotonic()
        with self._lock:
            if job.database is None:
                return
            if left_s <= 0 and job.database.vendor == "postgresql":
                job.database.close_socket()
        job.loop.call_later(max(1.0, left_s), self._watch_silence, job)

    def _run_waiting(self) -> None:
        """In a thread: run what waits, as many together as may share a transaction. Perhaps nothing is left."""
        jobs: list[_Job] = []
        database = connections[DEFAULT_DB_ALIAS]
        with self._lock:
            while self._jobs and len(jobs) < self._batch_max:
                job = self._jobs.popleft()
                if not job.cancelled:
                    job.started_at, job.database = time.monotonic(), database
                    jobs.append(job)
        if not jobs:
            return
        answers = _results([job.work for job in jobs], self._policy)
        with self._lock:
            for job in jobs:
                job.database = None
        answered = list(zip(jobs, answers, strict=True))
        for loop in {job.loop for job in jobs}:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._deliver, [each for each in answered if each[0].loop is loop])

    def _deliver(self, answered: list[tuple[_Job, Any]]) -> None:
        """Back in the loop. A caller that has left, or was answered because it took too long, gets nothing more."""
        self._waiting -= len(answered)
        for job, answer in answered:
            if job.deadline is not None:
                job.deadline.cancel()
            if job.answer.done():
                continue
            if isinstance(answer, StopIteration):
                answer = RuntimeError(f"the work ended with {answer!r}")  # a future takes that for its own end
            job.answer.set_exception(answer) if isinstance(answer, Exception) else job.answer.set_result(answer)


def _results(batch: list[Work], policy: EnginePolicy) -> list[Any]:
    """What each work returned or raised."""
    alone = len(batch) == 1
    try:
        return [_translated(batch[0], policy)] if alone else _translated(lambda: _in_one_transaction(batch), policy)
    except Exception as error:  # noqa: BLE001 (whoever waits for the answer gets it)
        return [error] * len(batch)


def _in_one_transaction(batch: list[Work]) -> list[Any]:
    answers: list[Any] = []
    with transaction.atomic():
        for work in batch:
            try:
                with transaction.atomic():
                    answers.append(work())
            except _DATABASE_FAILED:
                raise  # a database that fails takes all of them back
            except Exception as error:  # noqa: BLE001 (whoever waits for the answer gets it)
                answers.append(error)
    return answers


def _translated(work: Callable[[], T], policy: EnginePolicy) -> T:
    try:
        connection.close_if_unusable_or_obsolete()
        if connection.connection is None:
            _open_connection(policy)
        return _retried_while_busy(work, policy)
    except _DATABASE_FAILED as error:
        connection.close()
        raise EngineUnavailable(
            f"{type(error).__name__}: {error}", outcome_unknown=isinstance(error, CommitUnknown)
        ) from error


def _retried_while_busy(work: Callable[[], T], policy: EnginePolicy) -> T:
    """`work`, started again where SQLite is busy: it takes the lock at its beginning or has done nothing.

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


def _open_connection(policy: EnginePolicy) -> None:
    database: Any = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    if database.vendor != "sqlite":
        return
    with database.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")  # the writer queue waits instead
        if not policy.durable:
            cursor.execute("PRAGMA synchronous = NORMAL")
    try:
        database.writer_queue = WriterQueue(
            f"{database.settings_dict['NAME']}-queue",
            wait_ms_max=policy.lock_ms_max,
            queue_ms_max=policy.queue_ms_max,
            poll_ms=policy.lock_poll_ms,
        )
    except OSError as error:
        raise OperationalError(f"the file of the writer queue can not be opened: {error}") from error
