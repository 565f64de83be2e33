"""Starts everything: Valkey, then all houses in parallel, each as soon as it is prepared; then reports it.

Public: `start`.
"""

import asyncio
import os
import time
from functools import partial

from shell.operations.up.board import Board, State
from shell.operations.up.launch import Launch, Step
from shell.operations.up.plan import Plan
from shell.operations.up.publish import publish_all
from shell.operations.up.supervisor import Supervisor

READY_PATIENCE_S = 60.0
START_PATIENCE_S = 10.0
SAY_EVERY_S = 5.0
# Start-up does not wait for a process that died this often; it is restarted all the same.
STARTS_MAX = 3


class StartFailed(Exception):
    """Nothing useful could be started; the message says why."""


async def start(plan: Plan, supervisor: Supervisor, began: float) -> None:
    """Returns when everything was started and said so; raises `StartFailed`. `began` is on the monotonic clock."""
    first = plan.first()
    for launch in first:
        supervisor.supervise(launch)
    for name in [launch.name for launch in first]:
        if not await supervisor.board.until(partial(_is_ready, supervisor.board, name), READY_PATIENCE_S):
            raise StartFailed(f"{name.capitalize()} does not start; its lines above say why.")
    prepares = {step.house: step for step in plan.prepares}
    houses = _longest_way_first(plan)
    # Starting is work for a core: few at a time are ready no later in all, and leave room for those long chains.
    gate = asyncio.Semaphore(os.cpu_count() or 2)
    try:
        async with asyncio.TaskGroup() as group:
            for house in houses:
                group.create_task(_start_house(house, prepares.get(house), plan, supervisor, gate))
            first_publish = asyncio.Event()
            group.create_task(publish_all(plan, supervisor, first_publish, READY_PATIENCE_S))
            group.create_task(_announce(plan, supervisor, began, first_publish))
    except* StartFailed as failed:
        raise failed.exceptions[0] from None


def _is_ready(board: Board, name: str) -> bool:
    return board.of(name) is State.READY


def _longest_way_first(plan: Plan) -> list[str]:
    """Houses that prepare, then houses that are published once they are ready, then the rest."""
    prepare = {step.house for step in plan.prepares}
    published = {launch.house for launch in plan.launches if launch.publish_url}
    houses = dict.fromkeys(launch.house for launch in plan.launches)
    return sorted(houses, key=lambda house: (house not in prepare, house not in published))


async def _start_house(
    house: str, prepare: Step | None, plan: Plan, supervisor: Supervisor, gate: asyncio.Semaphore
) -> None:
    launches = [launch for launch in plan.launches if launch.house == house]
    if prepare:
        code = await supervisor.do(prepare, house)
        if code and not supervisor.stopping.is_set():
            supervisor.console.warn(f"{house} is not started: preparing it ended with code {code}; see its lines above")
            for launch in launches:
                await supervisor.board.set(launch.name, State.REFUSED)
            if any(launch.name == plan.front for launch in launches):
                raise StartFailed(f"Without {house} there is no page to show.")
            return
        for launch in launches:
            supervisor.supervise(launch)
        return
    async with asyncio.TaskGroup() as group:
        for launch in launches:
            group.create_task(_start_process(launch, supervisor, gate))


async def _start_process(launch: Launch, supervisor: Supervisor, gate: asyncio.Semaphore) -> None:
    """Through the gate until it is ready or clearly is not."""
    async with gate:
        supervisor.supervise(launch)
        under_way = (State.WAITING, State.STARTING)
        await supervisor.board.until(lambda: supervisor.board.of(launch.name) not in under_way, START_PATIENCE_S)


async def _announce(plan: Plan, supervisor: Supervisor, began: float, first_publish: asyncio.Event) -> None:
    names, board = plan.names(), supervisor.board

    def settled(name: str) -> bool:
        hopeless = board.of(name) is State.DOWN and board.starts(name) >= STARTS_MAX
        return hopeless or board.of(name) in (State.READY, State.REFUSED, State.DISABLED)

    deadline = began + READY_PATIENCE_S
    while not await board.until(lambda: all(map(settled, names)), SAY_EVERY_S) and time.monotonic() < deadline:
        waiting = [name for name in names if board.of(name) is not State.READY]
        supervisor.console.say(f"still waiting for {', '.join(waiting)}")
    await first_publish.wait()
    missing = [name for name in names if board.of(name) is not State.READY]
    rows = [("Lobby", f"{plan.front_url}/")] if plan.front else []
    rows += plan.welcome
    rows += [("Not ready", f"{', '.join(missing)} (tried again and again; the lines above say why)")] if missing else []
    rows += [("Stop", "Ctrl-C")]
    count = f"{board.ready()} of {len(board)} processes"
    supervisor.console.block(f"Mullion stands · {count} · ready in {time.monotonic() - began:.1f} s", rows)
