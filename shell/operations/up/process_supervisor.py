"""Supervise one process: start it, wait until it is ready, start it again when it dies, leave it down while disabled.

Public: `ProcessSupervisor`, `SupervisorContext`.
"""

import asyncio
import contextlib
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from shell.operations.up.board import Board, State
from shell.operations.up.child import Child
from shell.operations.up.console import Console
from shell.operations.up.drills import HOST
from shell.operations.up.launch import Launch
from shell.operations.up.listening_socket import ListeningSocket
from shell.operations.up.orphan_guard import OrphanGuard
from shell.operations.up.ready import answers
from shell.operations.up.restart import RestartDelay, how_it_ended

ASK_EVERY_S = 0.1
LOOK_EVERY_S = 0.1
DRAIN_S = 4.0
# Whoever comes while a process is started again may wait; where it dies again and again they are told sooner.
WAITED_S_MAX = 1.0


@dataclass(frozen=True, slots=True)
class SupervisorContext:
    """What the supervisors of all processes share. `stopping` is set once, when all shall end."""

    root: Path
    disabled: Path
    orphan_guard: OrphanGuard
    console: Console
    board: Board
    stopping: asyncio.Event


class ProcessSupervisor:
    """`run` returns only after `stopping` was set and the process is gone."""

    def __init__(self, launch: Launch, context: SupervisorContext) -> None:
        self.launch, self._context = launch, context
        self.child: Child | None = None
        self._restart_delay = RestartDelay()
        self._socket = ListeningSocket(HOST, launch.port)

    async def run(self) -> None:
        while await self._may_start():
            started = time.monotonic()
            await self._run_once(started)
            if self._context.stopping.is_set():
                break
            if not self._is_disabled():
                await self._wait_to_restart(time.monotonic() - started)
        self._socket.close()
        await self._context.board.set(self.launch.name, State.STOPPED)

    async def _run_once(self, started: float) -> None:
        launch, context = self.launch, self._context
        inherited = [self._socket.open()] if launch.socket_activation else []
        environ = {**launch.environ, "LISTEN_FD": str(inherited[0])} if inherited else launch.environ
        self.child = child = await Child.start(
            launch.command,
            environ,
            context.root,
            context.orphan_guard,
            self._log,
            inherited=inherited,
            nice=launch.nice,
        )
        await context.board.set(launch.name, State.STARTING, child.pid)
        if context.stopping.is_set():
            child.signal(signal.SIGTERM)
        watchers = (self._report_ready(child, started), self._end_when_is_disabled(child))
        watching = [asyncio.create_task(watcher) for watcher in watchers]
        self._code = await child.wait()
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        self.child = None

    async def _report_ready(self, child: Child, started: float) -> None:
        launch, context = self.launch, self._context
        while not await answers(HOST, launch.port, launch.ready_path):  # noqa: ASYNC110 (another process is asked)
            await asyncio.sleep(ASK_EVERY_S)
        await context.board.set(launch.name, State.READY, child.pid)
        again = "again " if context.board.starts(launch.name) > 1 else ""
        took = f"{time.monotonic() - started:.1f} s"
        context.console.say(f"{launch.name} is ready {again}({took}) · {context.board.ready()} of {len(context.board)}")

    async def _end_when_is_disabled(self, child: Child) -> None:
        while not self._is_disabled():  # noqa: ASYNC110 (a file tells)
            await asyncio.sleep(LOOK_EVERY_S)
        child.signal(signal.SIGTERM)
        await asyncio.sleep(DRAIN_S)
        child.signal(signal.SIGKILL)

    async def _may_start(self) -> bool:
        """Wait while it is disabled; False when all shall end instead."""
        name, context = self.launch.name, self._context
        if self._is_disabled() and not context.stopping.is_set():
            self._socket.close()
            context.console.say(f"{name} is disabled; remove {context.disabled / name} to let it start")
            await context.board.set(name, State.DISABLED)
            while self._is_disabled() and not context.stopping.is_set():  # noqa: ASYNC110 (a file tells)
                await asyncio.sleep(LOOK_EVERY_S)
        return not context.stopping.is_set()

    async def _wait_to_restart(self, ran_s: float) -> None:
        name, context = self.launch.name, self._context
        delay_s = self._restart_delay.after(ran_s)
        if delay_s > WAITED_S_MAX:
            self._socket.close()
        ended = how_it_ended(self._code)
        context.console.warn(f"{name} {ended} after {ran_s:.1f} s; it is started again in {delay_s:g} s")
        await context.board.set(name, State.DOWN)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await context.stopping.wait()

    def _log(self, line: str) -> None:
        if not any(part in line for part in self.launch.muted):
            self._context.console.log(self.launch.name, line)

    def _is_disabled(self) -> bool:
        return (self._context.disabled / self.launch.name).exists()
