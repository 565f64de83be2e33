"""A consumer's life: fetch, handle, acknowledge, and come back after every failure.

Public: `subscribe`, `Progress`, `Unusable`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bff.broker.policy import BrokerPolicy
from bff.broker.port import BrokerUnavailable, Delivery, Reader
from bff.resilience.backoff import backoff_s

Handle = Callable[[Sequence[Delivery]], Awaitable[Sequence[Delivery]]]


class Unusable(Exception):
    """Raised by a handler: this delivery can never be handled; the others may."""

    def __init__(self, delivery: Delivery, why: str) -> None:
        super().__init__(why)
        self.delivery = delivery
        self.why = why


@dataclass(slots=True)
class Progress:
    """A worker's state for /healthz. `failures` counts consecutive ones; `detail` is the message of the last."""

    handled: int = 0
    dead_lettered: int = 0
    failures: int = 0
    detail: str = ""

    def failed(self, error: Exception) -> None:
        self.failures += 1
        self.detail = f"{type(error).__name__}: {error}"

    def succeeded(self) -> None:
        self.failures = 0
        self.detail = ""


async def subscribe(
    reader: Reader,
    handle: Handle,
    stopping: asyncio.Event,
    *,
    policy: BrokerPolicy,
    progress: Progress,
    retried: tuple[type[Exception], ...] = (),
    on_failure: Callable[[str, Exception], None] | None = None,
) -> None:
    """Until `stopping`, give `handle` what comes and acknowledge what it returns.

    `handle` also gets empty batches, so that it can look at the clock. When it raises one of `retried`, or the broker
    fails, everything not acknowledged comes again after a backoff; `on_failure(what, error)` hears the first of a row.
    """
    passing: tuple[type[Exception], ...] = (BrokerUnavailable, *retried)
    while not stopping.is_set():
        try:
            deliveries = await reader.fetch()
            done = await handle(deliveries)
            await reader.ack(done)
            progress.handled += len(done)
            progress.succeeded()
        except Unusable as error:
            await _dead_letter(reader, error, progress, on_failure)
        except passing as error:
            progress.failed(error)
            if on_failure and progress.failures == 1:
                on_failure("retrying", error)
            await pause(stopping, backoff_s(policy.backoff, progress.failures - 1))
            await reader.redeliver()
    with contextlib.suppress(BrokerUnavailable):
        await reader.aclose()


async def _dead_letter(
    reader: Reader, error: Unusable, progress: Progress, on_failure: Callable[[str, Exception], None] | None
) -> None:
    try:
        await reader.dead_letter(error.delivery, error.why)
        progress.dead_lettered += 1
        if on_failure:
            on_failure("dead_lettered", error)
    except BrokerUnavailable as lost:
        progress.failed(lost)
    await reader.redeliver()


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Sleep that ends early when `stopping` is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
