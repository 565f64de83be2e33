"""A caller's deadline, whatever the call below it does.

Public: `in_time`.

A transport ends a call at its deadline, and a moment later at worst. One that is kept busy by what an origin sends
(a length that never ends) can be seconds late: then the caller goes, and the call ends by itself.
"""

import asyncio
from typing import TypeVar

from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason

T = TypeVar("T")
# How late a transport may say that there was no time: counted from when this loop is awake again.
_GRACE_S = 0.25


async def in_time(work: "asyncio.Task[T]", left_ms: float) -> T | Failure:
    """What `work` comes to within `left_ms`, or the `Failure` that it does not; it goes on in any case."""
    try:
        async with asyncio.timeout(left_ms / 1000):
            return await asyncio.shield(work)
    except TimeoutError:
        await asyncio.wait({work}, timeout=_GRACE_S)
    return work.result() if work.done() else Failure(Reason.TIMEOUT, "no answer in time", late=True)
