"""Enforces a caller's deadline, whatever the transport does.

Public: `in_time`.

A transport ends a call at its deadline, and a moment later at worst. If an origin keeps it busy (a chunk length that
never ends), it can be seconds late: then the caller gets its failure, and the call ends by itself.
"""

import asyncio
from typing import TypeVar

from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason

T = TypeVar("T")
# How late a transport may say that there was no time: counted from when this loop is awake again.
_GRACE_S = 0.25


async def in_time(work: "asyncio.Task[T]", left_ms: float) -> T | Failure:
    """The result of `work` within `left_ms`, or a time-out `Failure`; `work` goes on in any case."""
    try:
        async with asyncio.timeout(left_ms / 1000):
            return await asyncio.shield(work)
    except TimeoutError:
        await asyncio.wait({work}, timeout=_GRACE_S)
    return work.result() if work.done() else Failure(Reason.TIMEOUT, "no answer in time", late=True)
