"""Publish the fragments that are up into the front process's registry.

Public: `publish_all`.
"""

import asyncio
from collections.abc import Sequence

from shell.operations.up.board import State
from shell.operations.up.crew import Crew
from shell.operations.up.plan import Launch, Plan

LOG_NAME = "publish"


async def publish_all(plan: Plan, crew: Crew, first: asyncio.Event, patience_s: float) -> None:
    """All in one go as soon as each is ready or clearly is not, then set `first`; late ones follow when they come."""
    fragments = [launch for launch in plan.launches if launch.publish_url]
    board = crew.board
    if fragments and plan.publish:
        settled = (State.READY, State.DOWN, State.HELD, State.REFUSED)
        await board.until(
            # The front process is started only after its database was prepared, and a release needs that database.
            lambda: (
                board.of(plan.front) is not State.WAITING and all(board.of(each.name) in settled for each in fragments)
            ),
            patience_s,
        )
        prompt = [launch for launch in fragments if board.of(launch.name) is State.READY]
        await _publish(plan, crew, prompt)
    else:
        prompt = fragments
    first.set()
    async with asyncio.TaskGroup() as group:
        for late in (launch for launch in fragments if launch not in prompt):
            group.create_task(_publish_late(plan, crew, late))


async def _publish_late(plan: Plan, crew: Crew, launch: Launch) -> None:
    await crew.board.until(lambda: crew.board.of(launch.name) is State.READY)
    await _publish(plan, crew, [launch])


async def _publish(plan: Plan, crew: Crew, fragments: Sequence[Launch]) -> None:
    if not fragments or not plan.publish:
        return
    code = await crew.do(plan.publish, LOG_NAME, *(launch.publish_url for launch in fragments))
    if code and not crew.stopping.is_set():
        crew.console.warn("not every fragment was published; the lines above say which and why, and the rest goes on")
