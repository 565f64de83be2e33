"""Drills that run side by side look at the page together: one visit for all who asked before it began."""

import asyncio

from tests.drills.runner.page import View
from tests.drills.runner.shared_visitor import SharedVisitor


class Visits:
    """A visitor whose pages come when the test lets them."""

    def __init__(self) -> None:
        self.count = 0
        self.started: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    async def look(self, path: str) -> View:
        number, may_end = self.count, asyncio.Event()
        self.count += 1
        self.started.put_nowait(may_end)
        await may_end.wait()
        return View(number, 0, 200)


async def test_one_visit_serves_all_who_asked_before_it_began_and_holds_nobody_up_who_asks_later() -> None:
    visits = Visits()
    shared = SharedVisitor(visits)
    early = [asyncio.create_task(shared.look("/")) for _ in range(5)]
    first = await visits.started.get()
    late = asyncio.create_task(shared.look("/"))
    second = await visits.started.get()
    second.set()
    assert (await late).at == 1
    early[0].cancel()
    first.set()
    assert [(await each).at for each in early[1:]] == [0] * 4
    assert visits.count == 2
