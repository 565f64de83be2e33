"""All that runs: processes that are kept, and commands that end. One place to start them, one to end them all.

Public: `Crew`.
"""

import asyncio
import signal

from shell.operations.up.board import Board
from shell.operations.up.child import Child
from shell.operations.up.console import Console
from shell.operations.up.keep import DRAIN_S, Keeper, Surroundings
from shell.operations.up.plan import Launch, Step


class Crew:
    """Nothing starts once `stopping` is set, and `end` returns when everything has ended."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._keepers: list[Keeper] = []
        self._passing: set[Child] = set()
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def board(self) -> Board:
        return self._around.board

    @property
    def console(self) -> Console:
        return self._around.console

    @property
    def stopping(self) -> asyncio.Event:
        return self._around.stopping

    def keep(self, launch: Launch) -> None:
        """Start `launch` and keep it running."""
        if not self.stopping.is_set():
            keeper = Keeper(launch, self._around)
            self._keepers.append(keeper)
            self._tasks.add(asyncio.create_task(keeper.run()))

    async def do(self, step: Step, log_name: str, *more: str) -> int:
        """Run a command that ends; its exit code. The waiter may be cancelled, the command ends in order."""
        task = asyncio.create_task(self._do(step, log_name, more))
        self._tasks.add(task)
        return await asyncio.shield(task)

    async def _do(self, step: Step, log_name: str, more: tuple[str, ...]) -> int:
        def log(line: str) -> None:
            self.console.log(log_name, line)

        around, command = self._around, (*step.command, *more)
        child = await Child.start(command, step.environ, around.root, around.leash, log)
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
        """For a person who will not wait."""
        self._signal_all(signal.SIGKILL)

    def _signal_all(self, number: int) -> None:
        for child in [*(keeper.child for keeper in self._keepers if keeper.child), *self._passing]:
            child.signal(number)
