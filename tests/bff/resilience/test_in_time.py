"""A caller's deadline holds, whatever the call below it does."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bff.resilience.deadline import Deadline
from bff.resilience.guard import Guard
from bff.resilience.in_time import in_time
from bff.resilience.message import Headers, Request, Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason

ANSWER = Response(200, Headers(), b"")


class Busy:
    """A transport that ignores every deadline: it answers when a test lets it."""

    def __init__(self) -> None:
        self.entered, self.gate = asyncio.Event(), asyncio.Event()

    async def send(self, request: Request, deadline: Deadline) -> Response:
        self.entered.set()
        await self.gate.wait()
        return ANSWER

    async def aclose(self) -> None:
        self.gate.set()


@pytest.fixture
async def guard() -> AsyncIterator[tuple[Guard, Busy]]:
    busy = Busy()
    made = Guard("busy", Policy(), busy)
    yield made, busy
    busy.gate.set()
    await made.aclose()


async def test_caller_leaves_at_its_deadline_and_the_call_keeps_its_place(guard: tuple[Guard, Busy]) -> None:
    """An origin that keeps its connection busy holds up no page; its place is free when the call really ends."""
    made, busy = guard
    ended = await made.call(Request("GET", "http://origin.example/"), Deadline(made._clock() + 0.01))
    assert isinstance(ended, Failure)
    assert (ended.reason, ended.late, made.bulkhead.in_flight) == (Reason.TIMEOUT, True, 1)
    busy.gate.set()
    await asyncio.wait({*made._running})
    assert made.bulkhead.in_flight == 0


async def test_call_that_ends_a_moment_late_says_itself_how() -> None:
    """As a transport does that finds out by its own clock."""
    gate = asyncio.Event()

    async def late() -> Response:
        await gate.wait()
        return ANSWER

    asyncio.get_running_loop().call_later(0.02, gate.set)
    assert await in_time(asyncio.create_task(late()), 1) is ANSWER


async def test_caller_that_is_cancelled_takes_nothing_with_it(guard: tuple[Guard, Busy]) -> None:
    made, busy = guard
    calling = asyncio.create_task(made.call(Request("GET", "http://origin.example/"), Deadline(made._clock() + 60)))
    await busy.entered.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert made.bulkhead.in_flight == 1
    busy.gate.set()
