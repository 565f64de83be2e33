"""Chooses the environment for a request: the most recently used idle one, a new one, or none.

Public: `Pool`, `Throttled`.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any

from prometheus_client import Counter, Gauge

from bff.resilience import log
from bff.sandbox.functions.bill import Bill
from bff.sandbox.functions.environment import Environment, FunctionFailed, FunctionTimedOut
from bff.sandbox.functions.policy import FunctionsPolicy

REAP_EVERY_S = 0.25
ENDED_MAX = 5
INVOCATIONS = Counter("mullion_function_invocations", "Requests to a function by how they ended", ["outcome"])
ENVIRONMENTS = Gauge("mullion_function_environments", "Environments that stand there", ["state"])


class Throttled(Exception):
    """As many environments as may be are at work."""


class Pool:
    """`handler` is the function's dotted path; `environ` is what each environment is given."""

    def __init__(self, handler: str, policy: FunctionsPolicy, environ: Mapping[str, str]) -> None:
        self.policy, self.bill = policy, Bill(policy.memory_mb)
        self.environments: list[Environment] = []
        # The last ones that went, the latest first: number, requests, how many seconds it stood there.
        self.ended: deque[tuple[int, int, float]] = deque(maxlen=ENDED_MAX)
        self._handler, self._environ = handler, environ
        self._numbers = 0
        self._logger = log.get("functions")
        for state in ("starting", "idle", "busy"):
            ENVIRONMENTS.labels(state).set_function(partial(self.count, state))

    def count(self, state: str) -> int:
        return sum(each.state == state for each in self.environments)

    async def invoke(
        self, event: dict[str, Any], *, cold_s: float = 0.0, crash: bool = False, age_s_max: float = math.inf
    ) -> Any:
        """What the function returns. Raises `Throttled`, `FunctionTimedOut`, `FunctionFailed`.

        `cold_s` is added to a start; with `crash` the environment dies in the middle of the request. What idles and is
        older than `age_s_max` is ended first, as a platform does that moves its functions.
        """
        began = time.monotonic()
        for each in [*self.environments]:
            if each.state == "idle" and began - each.began_at > age_s_max:
                await self._end(each)
        environment = await self._taken(cold_s)
        loaded = environment.requests > 0
        outcome = "ok"
        try:
            if crash:
                asyncio.get_running_loop().call_later(0.01, environment.crash)
            return await environment.invoke(event)
        except (FunctionTimedOut, FunctionFailed) as error:
            outcome = "timeout" if isinstance(error, FunctionTimedOut) else "failed"
            self.bill.failed += 1
            self._logger.warning("function_failed", environment=environment.number, detail=str(error))
            raise
        finally:
            init_ms = 0.0 if loaded else environment.init_ms
            self.bill.count(max(0.0, (time.monotonic() - began) * 1000 - init_ms), init_ms)
            INVOCATIONS.labels(outcome).inc()
            # Kept only where it answered: what is not is as it was left.
            if outcome == "timeout" or environment.state == "ended":
                await self._end(environment)

    async def reap(self) -> None:
        """End what was idle for too long, for ever."""
        while True:
            await asyncio.sleep(REAP_EVERY_S)
            now = time.monotonic()
            for each in [*self.environments]:
                if each.state == "ended" or (each.state == "idle" and now - each.used_at > self.policy.idle_s):
                    await self._end(each)

    async def aclose(self) -> None:
        for each in [*self.environments]:
            await self._end(each)

    async def _taken(self, cold_s: float) -> Environment:
        idle = [each for each in self.environments if each.state == "idle"]
        if idle:
            found = max(idle, key=lambda each: each.used_at)
            found.state = "busy"
            return found
        if len(self.environments) >= self.policy.environments_max:
            self.bill.throttled += 1
            INVOCATIONS.labels("throttled").inc()
            raise Throttled(f"{self.policy.environments_max} environments are at work")
        self._numbers += 1
        made = Environment(self._numbers, self._handler, self.policy, self._environ)
        self.environments.append(made)
        self._logger.info("environment_started", environment=made.number)
        await made.start(cold_s)
        return made

    async def _end(self, environment: Environment) -> None:
        if environment in self.environments:
            self.environments.remove(environment)
            lived_s = time.monotonic() - environment.began_at
            self.bill.reserved_s += lived_s
            self.ended.appendleft((environment.number, environment.requests, lived_s))
            self._logger.info("environment_ended", environment=environment.number, requests=environment.requests)
            await environment.end()
