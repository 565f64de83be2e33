"""The limits of a call, and that it leaves nothing behind: memory, permits, tasks, sockets."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bff.resilience.deadline import Deadline
from bff.resilience.guard import Guard
from bff.resilience.message import CallFailed, Request, Response
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.transport import Transport
from tests.origin.server import Origin

ROOT = Path(__file__).parents[3]
MIB = 1024 * 1024


def resident_bytes() -> int:
    """The memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def sockets_open() -> int:
    """The open sockets of this process."""
    count = 0
    for each in Path("/proc/self/fd").iterdir():
        try:
            count += each.readlink().as_posix().startswith("socket:")
        except OSError:  # the descriptor of the listing itself is closed again
            continue
    return count


@asynccontextmanager
async def origin_apart(fault: str) -> AsyncIterator[str]:
    """The URL of an origin in a process of its own, so that its memory is not measured."""
    command = (sys.executable, "-m", "tests.origin", "--fault", fault)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().split()[1]
    finally:
        process.terminate()
        code = await process.wait()
    assert code == 0


@pytest.mark.parametrize("fault", ["gzip-bomb", "body-64-mib=length", "body-64-mib=chunked", "endless-body"])
async def test_a_body_without_bounds_costs_less_than_5_mib(fault: str) -> None:
    """It is cut at the cap; one costs less than 5 MiB, and twenty do not add up."""
    transport = Transport(Policy())

    async def send(url: str) -> Response | Reason:
        try:
            return await transport.send(Request("GET", url), Deadline.after_ms(time.monotonic(), 5000))
        except CallFailed as failed:
            return failed.reason

    async with origin_apart("status=500") as url:
        for _ in range(10):
            await send(url)
    async with origin_apart(fault) as url:
        before = resident_bytes()
        assert await send(url) is Reason.OVERSIZE
        assert resident_bytes() - before < 5 * MIB
        for _ in range(20):
            assert await send(url) is Reason.OVERSIZE
        assert resident_bytes() - before < 16 * MIB
    await transport.aclose()


async def test_cancelled_calls_leave_nothing_behind() -> None:
    """After 5 s of 300 cancelled calls a second the next 20 succeed; the origin never met more than the bulkhead."""
    policy = Policy(deadline_ms=4000, connect_ms=2000)  # time does not matter in this test
    async with Origin() as origin:
        guard = Guard("cancelled", policy)
        await call(guard, origin)
        await guard.aclose()
        tasks, sockets = asyncio.all_tasks(), sockets_open()

        await origin.fail("slow=300")
        callers: set[asyncio.Task[object]] = set()
        began = time.monotonic()
        for number in range(1500):
            caller: asyncio.Task[object] = asyncio.create_task(call(guard, origin))
            callers.add(caller)
            caller.add_done_callback(callers.discard)
            asyncio.get_running_loop().call_later(0.005 + number % 20 / 100, caller.cancel)
            await asyncio.sleep(max(0.0, began + number / 300 - time.monotonic()))
        while callers:
            await asyncio.wait(callers)
        assert guard.bulkhead.waiting == 0
        assert origin.in_flight_max <= policy.in_flight_max

        await origin.fail("slow=1")
        ended = [await call(guard, origin) for _ in range(20)]
        assert all(isinstance(each, Response) for each in ended)
        assert guard.bulkhead.in_flight <= policy.in_flight_max

        await guard.aclose()
        assert guard.bulkhead.in_flight == guard.breaker.permits_out == 0
        await settled(lambda: origin.connections == origin.in_flight == 0)
        await settled(lambda: asyncio.all_tasks() <= tasks and sockets_open() <= sockets)


async def test_no_call_outlives_its_deadline() -> None:
    """A thousand callers leave in the middle of a silent origin: within the deadline nothing runs any more."""
    policy = Policy(deadline_ms=300, in_flight_max=1000)
    async with Origin() as origin:
        guard = Guard("left", policy)
        await origin.fail("silence")
        callers = [asyncio.create_task(call(guard, origin)) for _ in range(1000)]
        await asyncio.sleep(0.1)
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
        await settled(lambda: guard.bulkhead.in_flight == guard.breaker.permits_out == 0)
        await settled(lambda: origin.in_flight == 0)
        await guard.aclose()


async def test_a_doubtful_answer_cuts_no_other_call() -> None:
    """One answer with two lengths retires the connections; calls that are under way end well on theirs."""
    async with Origin() as origin:
        transport = Transport(Policy(connect_ms=2000))

        def send(path: str) -> Awaitable[Response]:
            return transport.send(Request("GET", origin.url + path), Deadline.after_ms(time.monotonic(), 5000))

        await origin.fail("slow=300", at="/slow")
        slow = [asyncio.ensure_future(send("/slow")) for _ in range(5)]
        await asyncio.sleep(0.1)
        await origin.fail("two-lengths", at="/doubtful")
        with pytest.raises(CallFailed):
            await send("/doubtful")
        assert {(await each).status for each in slow} == {200}
        await transport.aclose()
        await settled(lambda: origin.connections == 0)


async def call(guard: Guard, origin: Origin) -> object:
    return await guard.call(Request("GET", origin.url), Deadline.after_ms(time.monotonic(), 8000))


async def settled(holds: Callable[[], bool], limit_s: float = 30.0) -> None:
    """Returns when `holds()` is true; fails if it is not in time."""
    until = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < until
        await asyncio.sleep(0.01)
