"""The resources of the engine's process: threads, the payments adapter, the broker, and its heartbeat.

Public: `Runtime`, `runtime`, `start`, `stop`.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from django.conf import settings

from bff.broker import connect
from bff.commands.engine.policy import PAYMENTS, POLICY
from bff.commands.engine.threads import Engine
from bff.commands.http.heartbeat import Heartbeat
from bff.commands.payments.provider import PaymentsProvider
from bff.commands.seamless.revocations import follow
from bff.commands.seamless.sessions import EndedSessions
from bff.resilience import log

T = TypeVar("T")

logger = log.get("bff-commands")


class Runtime:
    """Lives as long as the process's event loop."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.payments = PaymentsProvider(settings.PAYMENTS_URL, PAYMENTS)
        self.broker = connect(settings.BROKER_URL)
        self.heartbeat = Heartbeat(self.broker, self.payments.healthy, POLICY)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._heartbeat_task = asyncio.get_running_loop().create_task(self.heartbeat.run())
        self._heartbeat_task.add_done_callback(_report)
        self.sessions = EndedSessions()
        self._revocations_task = asyncio.get_running_loop().create_task(follow(settings.REDIS_URL, self.sessions))
        self._revocations_task.add_done_callback(_report)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end, also when the caller leaves: a command is never cut in half."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Finish the commands that run, then let go of everything."""
        self._heartbeat_task.cancel()
        self._revocations_task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=POLICY.command_ms_max / 1000)
        await self.payments.aclose()
        await self.broker.aclose()
        self.engine.close()


_running: list[Runtime] = []


def start() -> Runtime:
    """The process's runtime; made on the first call, which must come from the event loop."""
    if not _running:
        _running.append(Runtime())
    return _running[0]


def runtime() -> Runtime:
    """The runtime that `start` has made."""
    return _running[0]


async def stop() -> None:
    """Drain and close; safe when nothing was started."""
    while _running:
        await _running.pop().aclose()


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("background_ended", task=task.get_name(), exc_info=error)
