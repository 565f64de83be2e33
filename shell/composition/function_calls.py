"""Calls of fragments that are functions: a page waits as long as a warm one takes, and the call goes on.

Public: `FunctionCalls`, `FunctionCall`, `FunctionRecord`.
"""

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bff.resilience import log
from bff.resilience.deadline import Deadline
from bff.resilience.last_good import Fetched
from bff.resilience.outcome import Failure
from bff.resilience.partition import current
from bff.resilience.policies import house_policy
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from shell.composition import metrics
from shell.composition.body import Body
from shell.composition.include import Include
from shell.composition.warm_times import FunctionPolicy, WarmTimes

logger = log.get("include")

Ended = Fetched[Body] | Failure


@dataclass(slots=True)
class FunctionRecord:
    """What this process measured of one function; `cold_ms` is how long its last cold start took, `wait_ms` how long
    pages wait for it.
    """

    wait_ms: float
    warm: int = 0
    cold: int = 0
    failed: int = 0
    cold_ms: int = 0


class FunctionCalls:
    """`late` is called when a call fails after its page was sent without it."""

    def __init__(
        self,
        late: Callable[[Include, Failure, int], None],
        clock: Callable[[], float] = time.monotonic,
        policy: FunctionPolicy | None = None,
    ) -> None:
        self.policy = policy or house_policy("functions", FunctionPolicy())
        self.warm_times = WarmTimes(self.policy)
        self.late = late
        self.clock = clock
        self._records: dict[str, FunctionRecord] = {}

    def begin(self, include: Include, deadline: Deadline, policy: Policy) -> "FunctionCall":
        """A call for one include, `policy` being its guard's."""
        wait_ms = min(self.warm_times.wait_ms(_key(include)), policy.deadline_ms, deadline.remaining_ms(self.clock()))
        return FunctionCall(self, include, wait_ms / 1000, policy.cold_ms_max)

    def record(self, fragment: str) -> FunctionRecord | None:
        """The measurements of `fragment`; None where it was not called as a function."""
        return self._records.get(fragment)

    def reload_s(self, include: Include, reloads: int) -> int:
        """After how many seconds a page that left this include should find its function warm; each of the `reloads`
        that did not makes it twice as long.
        """
        record, policy = self.record(include.slot.fragment), self.policy
        cold_ms = (record.cold_ms if record is not None else 0) or policy.cold_ms_prior
        cold_ms = min(cold_ms, include.published.manifest.mullion.cold_ms_max)
        delay_s = math.ceil(math.ldexp(cold_ms * policy.reload_ratio, reloads) / 1000)
        return min(max(delay_s, policy.reload_s_min), policy.reload_s_max)

    def ended(self, call: "FunctionCall", ended: Ended, began: float) -> None:
        """Learn from the call and count it; calls of a partition are left out, as they say nothing about other
        visitors' calls.
        """
        include, now = call.include, self.clock()
        took_ms = round((now - began) * 1000)
        warm = self._count(include, ended, began, now) if current() is None else False
        if call.left and isinstance(ended, Failure):
            self.late(include, ended, took_ms)
        elif call.left and warm and took_ms > include.published.manifest.mullion.deadline_ms:
            # This is no cold start: as with a service, an answer as late as this is a time-out.
            self.late(include, Failure(Reason.TIMEOUT, f"its warm answers take {took_ms} ms"), took_ms)

    def _count(self, include: Include, ended: Ended, began: float, now: float) -> bool:
        """Whether it was a warm answer."""
        fragment, took_ms, warm = include.slot.fragment, round((now - began) * 1000), False
        record = self._records.setdefault(fragment, FunctionRecord(self.policy.wait_ms_prior))
        if isinstance(ended, Failure):
            start, record.failed = "failed", record.failed + 1
        elif warm := self.warm_times.answered(_key(include), began=began, now=now):
            start, record.warm = "warm", record.warm + 1
        else:
            start, record.cold, record.cold_ms = "cold", record.cold + 1, took_ms
            version, slot = include.published.manifest.version, include.slot.name
            logger.info("function_cold", fragment=fragment, version=version, slot=slot, ms=took_ms)
        record.wait_ms = self.warm_times.wait_ms(_key(include))
        metrics.FUNCTION_CALLS.labels(fragment, start).inc()
        return warm


class FunctionCall:
    """One include's call. `left` once its page has gone on, with or without an answer."""

    def __init__(self, calls: FunctionCalls, include: Include, wait_s: float, cold_ms_max: int) -> None:
        self.include, self.wait_s, self.left = include, wait_s, False
        self._calls, self._cold_ms_max = calls, cold_ms_max
        self._ended: Ended | None = None

    async def fetch(self, carry: Callable[[Include, Deadline], Awaitable[Ended]]) -> Ended:
        """What `carry` fetches, however long a cold start takes."""
        began = self._calls.clock()
        self._ended = ended = await carry(self.include, Deadline.after_ms(began, self._cold_ms_max))
        self._calls.ended(self, ended, began)
        return ended

    def leave(self, reason: Reason | None) -> None:
        """The page goes on, showing its slot for this reason."""
        self.left = True
        if reason is Reason.COLD and isinstance(self._ended, Failure):
            # The call ended in the moment between, so nothing else has recorded it.
            self._calls.late(self.include, self._ended, 0)


def _key(include: Include) -> tuple[str, str]:
    return include.published.digest, include.slot.pathname
