"""Keep one process running: start it, wait until it is ready, start it again when it dies, let it rest when it is held.

Public: `Keeper`, `Surroundings`.
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
from shell.operations.up.kept_socket import KeptSocket
from shell.operations.up.leash import Leash
from shell.operations.up.plan import HOST, Launch
from shell.operations.up.ready import answers
from shell.operations.up.restart import RestartDelay, how_it_ended

ASK_EVERY_S = 0.1
LOOK_EVERY_S = 0.1
DRAIN_S = 4.0
# Whoever comes while a process is started again may wait; where it dies again and again they are told sooner.
WAITED_S_MAX = 1.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every keeper shares. `stopping` is set once, when all shall end."""

    root: Path
    hold: Path
    leash: Leash
    console: Console
    board: Board
    stopping: asyncio.Event


class Keeper:
    """`run` returns only after `stopping` was set and the process is gone."""

    def __init__(self, launch: Launch, around: Surroundings) -> None:
        self.launch, self._around = launch, around
        self.child: Child | None = None
        self._restart_delay = RestartDelay()
        self._socket = KeptSocket(HOST, launch.port)

    async def run(self) -> None:
        while await self._may_start():
            started = time.monotonic()
            await self._live_once(started)
            if self._around.stopping.is_set():
                break
            if not self._held():
                await self._rest(time.monotonic() - started)
        self._socket.close()
        await self._around.board.set(self.launch.name, State.STOPPED)

    async def _live_once(self, started: float) -> None:
        launch, around = self.launch, self._around
        kept = [self._socket.open()] if launch.keeps_socket else []
        environ = {**launch.environ, "LISTEN_FD": str(kept[0])} if kept else launch.environ
        self.child = child = await Child.start(
            launch.command, environ, around.root, around.leash, self._log, inherited=kept
        )
        await around.board.set(launch.name, State.STARTING, child.pid)
        if around.stopping.is_set():
            child.signal(signal.SIGTERM)
        watchers = (self._tell_ready(child, started), self._end_when_held(child))
        watching = [asyncio.create_task(watcher) for watcher in watchers]
        self._code = await child.wait()
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        self.child = None

    async def _tell_ready(self, child: Child, started: float) -> None:
        launch, around = self.launch, self._around
        while not await answers(HOST, launch.port, launch.ready_path):  # noqa: ASYNC110 (another process is asked)
            await asyncio.sleep(ASK_EVERY_S)
        await around.board.set(launch.name, State.READY, child.pid)
        again = "again " if around.board.starts(launch.name) > 1 else ""
        took = f"{time.monotonic() - started:.1f} s"
        around.console.say(f"{launch.name} is ready {again}({took}) · {around.board.ready()} of {len(around.board)}")

    async def _end_when_held(self, child: Child) -> None:
        while not self._held():  # noqa: ASYNC110 (a file tells)
            await asyncio.sleep(LOOK_EVERY_S)
        child.signal(signal.SIGTERM)
        await asyncio.sleep(DRAIN_S)
        child.signal(signal.SIGKILL)

    async def _may_start(self) -> bool:
        """Wait out a hold; False when all shall end instead."""
        name, around = self.launch.name, self._around
        if self._held() and not around.stopping.is_set():
            self._socket.close()
            around.console.say(f"{name} is held down; remove {around.hold / name} to let it start")
            await around.board.set(name, State.HELD)
            while self._held() and not around.stopping.is_set():  # noqa: ASYNC110 (a file tells)
                await asyncio.sleep(LOOK_EVERY_S)
        return not around.stopping.is_set()

    async def _rest(self, ran_s: float) -> None:
        name, around = self.launch.name, self._around
        delay_s = self._restart_delay.after(ran_s)
        if delay_s > WAITED_S_MAX:
            self._socket.close()
        ended = how_it_ended(self._code)
        around.console.warn(f"{name} {ended} after {ran_s:.1f} s; it is started again in {delay_s:g} s")
        await around.board.set(name, State.DOWN)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await around.stopping.wait()

    def _log(self, line: str) -> None:
        if not any(known in line for known in self.launch.muted):
            self._around.console.log(self.launch.name, line)

    def _held(self) -> bool:
        return (self._around.hold / self.launch.name).exists()
