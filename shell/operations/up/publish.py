"""Publish the fragments that are up into the front process's registry, and wait until it serves them.

Public: `publish_all`.
"""

import asyncio
import time
from collections.abc import Sequence

from bff.contracts.paths import READY_PATH, REGISTRY_CURRENT
from bff.resilience.backoff import BackoffPolicy, backoff_s
from shell.operations.up.board import State
from shell.operations.up.drills import HOST
from shell.operations.up.launch import Launch
from shell.operations.up.plan import Plan
from shell.operations.up.ready import answers
from shell.operations.up.supervisor import Supervisor

LOG_NAME = "publish"
# Answers 200 once the process that is asked serves all that was published before the question.
CURRENT_PATH = f"{READY_PATH}?{REGISTRY_CURRENT}"
ASK_EVERY_S = 0.1
# The first soon, for what was slow to start; in the end every five minutes, for what has to be mended by somebody.
AGAIN = BackoffPolicy(initial_s=2.0, max_s=300.0, jitter=0.0)  # a few on one machine, so nothing to spread


async def publish_all(
    plan: Plan, supervisor: Supervisor, first: asyncio.Event, patience_s: float, again: BackoffPolicy = AGAIN
) -> None:
    """All in one go as soon as each is ready or clearly is not, then set `first`; late ones follow when they come.

    What is refused is tried `again` for as long as it runs, by itself: it may have been too slow, or have been mended.
    """
    refused: list[Launch] = []
    fragments = [launch for launch in plan.launches if launch.publish_url]
    board = supervisor.board
    if fragments and plan.publish:
        settled = (State.READY, State.DOWN, State.DISABLED, State.REFUSED)
        await board.until(
            # The front process is started only after its database was prepared, and a release needs that database.
            lambda: (
                board.of(plan.front) is not State.WAITING and all(board.of(each.name) in settled for each in fragments)
            ),
            patience_s,
        )
        prompt = [launch for launch in fragments if board.of(launch.name) is State.READY]
        refused = await _publish(plan, supervisor, prompt)
        await _followed(plan, supervisor, patience_s)
    else:
        prompt = fragments
    first.set()
    async with asyncio.TaskGroup() as group:
        for late in (launch for launch in fragments if launch not in prompt):
            group.create_task(_until_published(plan, supervisor, late, again))
        for launch in refused:
            group.create_task(_until_published(plan, supervisor, launch, again, tries=1))


async def _followed(plan: Plan, supervisor: Supervisor, patience_s: float) -> None:
    """Wait until each process that composes pages serves what was published; one that is not there is not waited for.

    It would find all of it when it comes.
    """
    houses = {launch.house for launch in plan.launches if launch.name == plan.front}
    coming, deadline = (State.STARTING, State.READY), time.monotonic() + patience_s
    for launch in (each for each in plan.launches if each.house in houses and each.inner_port):
        while supervisor.board.of(launch.name) in coming and not await answers(HOST, launch.inner_port, CURRENT_PATH):
            if supervisor.stopping.is_set() or time.monotonic() >= deadline:
                return
            await asyncio.sleep(ASK_EVERY_S)


async def _until_published(
    plan: Plan, supervisor: Supervisor, launch: Launch, again: BackoffPolicy, tries: int = 0
) -> None:
    """Alone, `tries` times already. What other fragments of its kind were published with it is published, and stays."""
    while not supervisor.stopping.is_set():
        if tries:
            await asyncio.sleep(backoff_s(again, tries - 1))
        await supervisor.board.until(lambda: supervisor.board.of(launch.name) is State.READY)
        if not await _publish(plan, supervisor, [launch]):
            return
        tries += 1


async def _publish(plan: Plan, supervisor: Supervisor, fragments: Sequence[Launch]) -> list[Launch]:
    """Those that may not have been published: a command for several says no more than that not all of them were."""
    if not plan.publish:
        return []
    refused: list[Launch] = []
    for trust in sorted({launch.trust for launch in fragments}):
        of_trust = [launch for launch in fragments if launch.trust == trust]
        options = ("--trust", trust) if trust else ()
        if await supervisor.do(plan.publish, LOG_NAME, *options, *(launch.publish_url for launch in of_trust)):
            refused += of_trust
    if refused and not supervisor.stopping.is_set():
        names = ", ".join(launch.name for launch in refused)
        supervisor.console.warn(
            f"not every fragment was published ({names}): the lines above say why, each is tried again by itself, and "
            "the rest goes on"
        )
    return refused
