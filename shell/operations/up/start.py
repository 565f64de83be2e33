"""From nothing to a lobby: Valkey, then every house at once, each as soon as it is prepared; then say so.

Public: `start`.
"""

import asyncio
import os
import time

from shell.operations.up.board import State
from shell.operations.up.crew import Crew
from shell.operations.up.house import VALKEY_NAME
from shell.operations.up.plan import Launch, Plan, Step
from shell.operations.up.publish import publish_all

READY_PATIENCE_S = 60.0
START_PATIENCE_S = 10.0
SAY_EVERY_S = 5.0
# One that died this often is not waited for; it is tried on all the same.
STARTS_MAX = 3


class StartFailed(Exception):
    """There is nothing worth keeping up; the message says why."""


async def start(plan: Plan, crew: Crew, began: float) -> None:
    """Returns when everything was started and said so; raises `StartFailed`. `began` is on the monotonic clock."""
    if plan.valkey:
        crew.keep(plan.valkey)
        if not await crew.board.until(lambda: crew.board.of(VALKEY_NAME) is State.READY, READY_PATIENCE_S):
            raise StartFailed("Valkey does not start; its lines above say why.")
    prepares = {step.house: step for step in plan.prepares}
    houses = _longest_way_first(plan)
    # Starting is work for a core: few at a time are ready no later in all, and leave room for those long chains.
    gate = asyncio.Semaphore(os.cpu_count() or 2)
    try:
        async with asyncio.TaskGroup() as group:
            for house in houses:
                group.create_task(_start_house(house, prepares.get(house), plan, crew, gate))
            first_publish = asyncio.Event()
            group.create_task(publish_all(plan, crew, first_publish, READY_PATIENCE_S))
            group.create_task(_announce(plan, crew, began, first_publish))
    except* StartFailed as failed:
        raise failed.exceptions[0] from None


def _longest_way_first(plan: Plan) -> list[str]:
    """Houses that prepare, then houses that are published once they are ready, then the rest."""
    prepare = {step.house for step in plan.prepares}
    published = {launch.house for launch in plan.launches if launch.publish_url}
    houses = dict.fromkeys(launch.house for launch in plan.launches)
    return sorted(houses, key=lambda house: (house not in prepare, house not in published))


async def _start_house(house: str, prepare: Step | None, plan: Plan, crew: Crew, gate: asyncio.Semaphore) -> None:
    launches = [launch for launch in plan.launches if launch.house == house]
    if prepare:
        code = await crew.do(prepare, house)
        if code and not crew.stopping.is_set():
            crew.console.warn(f"{house} is not started: preparing it ended with code {code}; its lines above say why")
            for launch in launches:
                await crew.board.set(launch.name, State.REFUSED)
            if any(launch.name == plan.front for launch in launches):
                raise StartFailed(f"Without {house} there is no page to show.")
            return
        for launch in launches:
            crew.keep(launch)
        return
    async with asyncio.TaskGroup() as group:
        for launch in launches:
            group.create_task(_start_process(launch, crew, gate))


async def _start_process(launch: Launch, crew: Crew, gate: asyncio.Semaphore) -> None:
    """Through the gate until it is ready or clearly is not."""
    async with gate:
        crew.keep(launch)
        under_way = (State.WAITING, State.STARTING)
        await crew.board.until(lambda: crew.board.of(launch.name) not in under_way, START_PATIENCE_S)


async def _announce(plan: Plan, crew: Crew, began: float, first_publish: asyncio.Event) -> None:
    names, board = plan.names(), crew.board

    def settled(name: str) -> bool:
        hopeless = board.of(name) is State.DOWN and board.starts(name) >= STARTS_MAX
        return hopeless or board.of(name) in (State.READY, State.REFUSED, State.HELD)

    deadline = began + READY_PATIENCE_S
    while not await board.until(lambda: all(map(settled, names)), SAY_EVERY_S) and time.monotonic() < deadline:
        waiting = [name for name in names if board.of(name) is not State.READY]
        crew.console.say(f"still waiting for {', '.join(waiting)}")
    await first_publish.wait()
    missing = [name for name in names if board.of(name) is not State.READY]
    rows = [("Lobby", f"{plan.front_url}/")] if plan.front else []
    rows += plan.welcome
    rows += [("Not ready", f"{', '.join(missing)} (tried again and again; the lines above say why)")] if missing else []
    rows += [("Stop", "Ctrl-C")]
    count = f"{board.ready()} of {len(board)} processes"
    crew.console.block(f"Mullion stands · {count} · ready in {time.monotonic() - began:.1f} s", rows)
