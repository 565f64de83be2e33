"""Real processes for tests of the feeds: a sandbox provider on a port, and short limits.

Use: `async with serving(provider) as port: …`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import uvicorn

from bff.feeds.policy import FeedsPolicy
from bff.store import StorePolicy, StoreUnavailable

# Generous, so that a busy machine does not look like a dead store, unless the test is about one.
PATIENT = StorePolicy(connect_ms=5000, op_ms=5000, breaker_failures=1000)
QUICK = FeedsPolicy(lease_ms=600, renew_s=0.1, retry_s=0.05, retry_s_max=0.3)


@contextlib.asynccontextmanager
async def serving(application: object, port: int = 0) -> AsyncIterator[int]:
    """Serves `application`; yields its port, which is `port` if that is given."""
    config = uvicorn.Config(application, port=port, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[asyncio.Task[None]]:
    """Runs `work` in a task that ends with the block."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object], within_s: float = 30.0, why: str = "it") -> None:
    """Returns when `condition` is true (a coroutine function is awaited); fails after `within_s`.

    A condition that raises an error of the store counts as false.
    """
    end = time.monotonic() + within_s
    while True:
        with contextlib.suppress(StoreUnavailable):
            holds = condition()
            if asyncio.iscoroutine(holds):
                holds = await holds
            if holds:
                return
        assert time.monotonic() < end, f"{why} did not come about within {within_s} s"
        await asyncio.sleep(0.02)
