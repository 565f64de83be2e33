"""Do what the plan says until somebody says stop, and leave nothing behind.

Public: `run`.
"""

import asyncio
import os
import signal
from pathlib import Path

from shell.operations.up.board import Board
from shell.operations.up.console import Console
from shell.operations.up.crew import Crew
from shell.operations.up.data import hold_folder
from shell.operations.up.keep import Surroundings
from shell.operations.up.leash import Leash, parent_is_uv
from shell.operations.up.plan import Plan
from shell.operations.up.start import StartFailed, start

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP", signal.SIGQUIT: "SIGQUIT"}
WATCH_EVERY_S = 0.2
# uv passes on what the terminal sends to both of us, so one wish may arrive twice.
ECHO_S = 1.0


async def run(plan: Plan, *, root: Path, data: Path, console: Console, began: float) -> int:
    """Until Ctrl-C, SIGTERM, SIGHUP or the end of `uv`; returns the exit code. `began` is on the monotonic clock."""
    launches = [*([plan.valkey] if plan.valkey else []), *plan.launches]
    stopping = asyncio.Event()
    leash = Leash()
    try:
        board = Board({launch.name: launch.port for launch in launches}, data)
        crew = Crew(Surroundings(root, hold_folder(data), leash, console, board, stopping))
        _hear_signals(crew)
        watching = asyncio.create_task(_watch(crew, leash))
        starting = asyncio.create_task(start(plan, crew, began))
        code = await _until_stopped(starting, crew)
        watching.cancel()
        starting.cancel()
        await crew.end()
    finally:
        leash.close()
    console.say("stopped; nothing is left running")
    return code


async def _until_stopped(starting: asyncio.Task[None], crew: Crew) -> int:
    stop = asyncio.create_task(crew.stopping.wait())
    await asyncio.wait([starting, stop], return_when=asyncio.FIRST_COMPLETED)
    if starting.done() and not stop.done():
        try:
            starting.result()
        except StartFailed as failed:
            crew.console.warn(str(failed))
            crew.stopping.set()
            return 1
        except BaseException:
            crew.stopping.set()
            await crew.end()
            raise
    await stop
    return 0


def _hear_signals(crew: Crew) -> None:
    loop = asyncio.get_running_loop()
    heard: list[float] = []

    def hear(name: str) -> None:
        heard.append(loop.time())
        if not crew.stopping.is_set():
            crew.console.say(f"{name}: stopping everything (once more ends it at once)")
            crew.stopping.set()
        elif heard[-1] - heard[0] > ECHO_S:
            crew.console.warn("ending everything at once")
            crew.kill()

    for number, name in SIGNALS.items():
        loop.add_signal_handler(number, hear, name)


async def _watch(crew: Crew, leash: Leash) -> None:
    """What no signal tells: `uv` was killed, the sweeper was killed, nobody reads what we print."""
    parent, follow = os.getppid(), parent_is_uv()
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        leash.check()
        if follow and os.getppid() != parent:
            crew.console.say("uv was ended: stopping everything")
            crew.stopping.set()
        if crew.console.gone:
            crew.stopping.set()
