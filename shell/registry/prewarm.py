"""Wakes functions before anybody needs them: when a release goes live or on trial, and by the calendar.

Public: `Prewarmer`, `PrewarmPolicy`, `WarmedRecord`, `due`.

So many environments are warm as answered at the same moment: a platform starts one for each request that finds none
idle.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bff.resilience import log
from bff.resilience.deadline import Deadline
from bff.resilience.evidence import ProbeLease
from bff.resilience.message import Response
from shell.composition.probe_targets import ProbeTargets
from shell.composition.release import Release, Snapshot, WarmUp
from shell.composition.upstreams import Upstreams
from shell.registry.warm_ups import ENVIRONMENTS_MAX

logger = log.get("registry")

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrewarmPolicy:
    """Changed by `HOUSE_POLICIES` under `prewarm`. `again_s` is shorter than any platform keeps what is idle."""

    new_release_environments: int = 2
    every_s: float = 2.0
    again_s: int = 120


@dataclass(frozen=True, slots=True)
class WarmedRecord:
    """`answered` of `environments` that were asked for, and why."""

    at: datetime
    answered: int
    environments: int
    why: str


def due(
    warm_ups: tuple[WarmUp, ...], warmed_at: Mapping[WarmUp, datetime], now: datetime, again_s: int
) -> list[WarmUp]:
    """What is to be warmed `now`: from so many minutes before its moment until then, again and again."""
    return [
        each
        for each in warm_ups
        if each.begins_at <= now < each.at
        and (each not in warmed_at or (now - warmed_at[each]).total_seconds() >= again_s)
    ]


class Prewarmer:
    """One process of all asks, while the lease's store answers. `targets` makes what a release is asked for."""

    def __init__(
        self,
        upstreams: Upstreams,
        targets: Callable[[Release], ProbeTargets],
        lease: ProbeLease,
        policy: PrewarmPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._upstreams, self._targets, self._lease, self._policy = upstreams, targets, lease, policy
        self._clock, self._now = clock, now
        self._snapshot = Snapshot()
        self._seen: set[_Key] | None = None
        self._warmed_at: dict[WarmUp, datetime] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None
        self.records: dict[str, WarmedRecord] = {}

    def start(self) -> None:
        """Follow the calendar in the background. A second call does nothing."""
        if self._running is None:
            self._running = asyncio.create_task(self._follow_calendar(), name="prewarm")

    async def stop(self) -> None:
        """End that, and what is being warmed."""
        running, self._running = self._running, None
        tasks = [*self._tasks, *([running] if running else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def follow(self, snapshot: Snapshot) -> None:
        """What was not there a moment ago is warmed; what a process finds at its start was warmed by another."""
        trials = {name: canary.release for name, canary in snapshot.canaries.items()}
        releases = [*snapshot.releases.values(), *trials.values()]
        functions = {_key(each): each for each in releases if each.manifest.mullion.kind == "function"}
        before, self._seen, self._snapshot = self._seen, set(functions), snapshot
        for key in functions.keys() - (functions.keys() if before is None else before):
            why = "on trial" if trials.get(key[0]) is functions[key] else "live"
            self._begin(functions[key], self._policy.new_release_environments, why, "release")

    def tick(self, now: datetime) -> None:
        """Begin what the calendar says."""
        warm_ups = self._snapshot.warm_ups
        self._warmed_at = {each: at for each, at in self._warmed_at.items() if each in warm_ups}
        for each in due(warm_ups, self._warmed_at, now, self._policy.again_s):
            self._warmed_at[each] = now
            release = self._snapshot.releases.get(each.fragment)
            if release is not None and release.manifest.mullion.kind == "function":
                self._begin(release, each.environments, each.why or "calendar", f"{each.at:%Y%m%d%H%M}")

    async def settle(self) -> None:
        """Wait for what is being warmed."""
        await asyncio.gather(*self._tasks)

    async def _follow_calendar(self) -> None:
        while True:
            self.tick(self._now())
            await asyncio.sleep(self._policy.every_s)

    def _begin(self, release: Release, environments: int, why: str, occasion: str) -> None:
        task = asyncio.create_task(self._warm(release, environments, why, occasion), name=f"prewarm-{release.fragment}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _warm(self, release: Release, environments: int, why: str, occasion: str) -> None:
        name = f"warming.{release.fragment}.{release.digest[:12]}.{release.role}.{occasion}"
        if not self._upstreams.of(release).breaker.would_pass(self._clock()):
            return  # held or failing: nobody is shown it
        if await self._lease.take(name, self._policy.again_s * 500) is False:
            return
        guard = self._upstreams.warming_of(release, ENVIRONMENTS_MAX)
        request, began = self._targets(release).request(), self._clock()
        deadline = Deadline.after_ms(began, release.manifest.mullion.cold_ms_max)
        answers = await asyncio.gather(*(guard.call(request, deadline) for _ in range(environments)))
        answered = sum(isinstance(each, Response) for each in answers)
        self.records[release.fragment] = WarmedRecord(self._now(), answered, environments, why)
        logger.info(
            "function_warmed",
            fragment=release.fragment,
            version=release.manifest.version,
            why=why,
            environments=environments,
            answered=answered,
            ms=round((self._clock() - began) * 1000),
        )


def _key(release: Release) -> _Key:
    return release.fragment, release.digest, str(release.role)
