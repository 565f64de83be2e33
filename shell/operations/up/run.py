"""Runs the plan until it is stopped, and leaves no process behind.

Public: `run`.
"""

import asyncio
import os
import signal
from pathlib import Path

from shell.operations.up.board import Board
from shell.operations.up.console import Console
from shell.operations.up.data import disabled_folder
from shell.operations.up.functions import HANDLER
from shell.operations.up.orphan_guard import OrphanGuard, parent_is_uv
from shell.operations.up.plan import Plan
from shell.operations.up.process_supervisor import SupervisorContext
from shell.operations.up.start import StartFailed, start
from shell.operations.up.supervisor import Supervisor

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP", signal.SIGQUIT: "SIGQUIT"}
WATCH_EVERY_S = 0.2
# The terminal signals uv and this process, and uv forwards its signal, so one Ctrl-C may arrive twice.
ECHO_S = 1.0


async def run(plan: Plan, *, root: Path, data: Path, console: Console, began: float) -> int:
    """Until Ctrl-C, SIGTERM, SIGHUP or the end of `uv`; returns the exit code. `began` is on the monotonic clock."""
    launches = [*plan.first(), *plan.launches]
    stopping = asyncio.Event()
    orphan_guard = OrphanGuard()
    try:
        functions = frozenset(launch.name for launch in launches if HANDLER in launch.environ)
        board = Board({launch.name: launch.port for launch in launches}, data, functions)
        supervisor = Supervisor(SupervisorContext(root, disabled_folder(data), orphan_guard, console, board, stopping))
        _hear_signals(supervisor)
        watching = asyncio.create_task(_watch(supervisor, orphan_guard))
        starting = asyncio.create_task(start(plan, supervisor, began))
        code = await _until_stopped(starting, supervisor)
        watching.cancel()
        starting.cancel()
        await supervisor.end()
    finally:
        orphan_guard.close()
    console.say("stopped; nothing is left running")
    return code


async def _until_stopped(starting: asyncio.Task[None], supervisor: Supervisor) -> int:
    stop = asyncio.create_task(supervisor.stopping.wait())
    await asyncio.wait([starting, stop], return_when=asyncio.FIRST_COMPLETED)
    if starting.done() and not stop.done():
        try:
            starting.result()
        except StartFailed as failed:
            supervisor.console.warn(str(failed))
            supervisor.stopping.set()
            return 1
        except BaseException:
            supervisor.stopping.set()
            await supervisor.end()
            raise
    await stop
    return 0


def _hear_signals(supervisor: Supervisor) -> None:
    loop = asyncio.get_running_loop()
    signalled_at: list[float] = []

    def hear(name: str) -> None:
        signalled_at.append(loop.time())
        if not supervisor.stopping.is_set():
            supervisor.console.say(f"{name}: stopping everything (once more ends it at once)")
            supervisor.stopping.set()
        elif signalled_at[-1] - signalled_at[0] > ECHO_S:
            supervisor.console.warn("ending everything at once")
            supervisor.kill()

    for number, name in SIGNALS.items():
        loop.add_signal_handler(number, hear, name)


async def _watch(supervisor: Supervisor, orphan_guard: OrphanGuard) -> None:
    """Watch for events without a signal: `uv` was killed, the sweeper was killed, the terminal was closed."""
    parent, follow = os.getppid(), parent_is_uv()
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        orphan_guard.check()
        if follow and os.getppid() != parent:
            supervisor.console.say("uv was ended: stopping everything")
            supervisor.stopping.set()
        if supervisor.console.gone:
            supervisor.stopping.set()
