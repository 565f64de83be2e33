"""Owns all child processes: those that are kept running, and commands that end. Starts each, and ends them all.

Public: `Supervisor`.
"""

import asyncio
import signal

from shell.operations.up.board import Board
from shell.operations.up.child import Child
from shell.operations.up.console import Console
from shell.operations.up.launch import Launch, Step
from shell.operations.up.process_supervisor import DRAIN_S, ProcessSupervisor, SupervisorContext


class Supervisor:
    """Nothing starts once `stopping` is set, and `end` returns when everything has ended."""

    def __init__(self, context: SupervisorContext) -> None:
        self._context = context
        self._processes: list[ProcessSupervisor] = []
        self._passing: set[Child] = set()
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def board(self) -> Board:
        return self._context.board

    @property
    def console(self) -> Console:
        return self._context.console

    @property
    def stopping(self) -> asyncio.Event:
        return self._context.stopping

    def supervise(self, launch: Launch) -> None:
        """Start `launch` and keep it running."""
        if not self.stopping.is_set():
            process = ProcessSupervisor(launch, self._context)
            self._processes.append(process)
            self._tasks.add(asyncio.create_task(process.run()))

    async def do(self, step: Step, log_name: str, *more: str) -> int:
        """Run a command that ends; its exit code. The waiter may be cancelled, the command ends in order."""
        task = asyncio.create_task(self._do(step, log_name, more))
        self._tasks.add(task)
        return await asyncio.shield(task)

    async def _do(self, step: Step, log_name: str, more: tuple[str, ...]) -> int:
        def log(line: str) -> None:
            self.console.log(log_name, line)

        context, command = self._context, (*step.command, *more)
        child = await Child.start(command, step.environ, context.root, context.orphan_guard, log)
        self._passing.add(child)
        if self.stopping.is_set():
            child.signal(signal.SIGTERM)
        code = await child.wait()
        self._passing.discard(child)
        return code

    async def end(self) -> None:
        """SIGTERM to all at once, `DRAIN_S` to drain, then SIGKILL. `stopping` is set before."""
        self._signal_all(signal.SIGTERM)
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=DRAIN_S)
        if late:
            self._signal_all(signal.SIGKILL)
            await asyncio.wait(late)

    def kill(self) -> None:
        """SIGKILL to all at once, after a second Ctrl-C."""
        self._signal_all(signal.SIGKILL)

    def _signal_all(self, number: int) -> None:
        for child in [*(process.child for process in self._processes if process.child), *self._passing]:
            child.signal(number)
