"""How a fleet notices that an upstream is well again, on simulated time."""

import asyncio
import functools
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from bff.resilience.breaker import Position
from bff.resilience.deadline import Deadline
from bff.resilience.evidence import Evidence, InMemoryEvidence, InMemoryLease, ProbeLease
from bff.resilience.guard import Guard
from bff.resilience.message import CallFailed, Request, Response
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from tests.support import simulated_time
from tests.support.resilience_fakes import GET, FakeUpstream, answer

pytestmark = pytest.mark.quick

POLICY = Policy(deadline_ms=800)
PROBE = Request("GET", "http://wallet.test/probe")
OUTAGE_FROM, OUTAGE_S, HEALED_S_MAX = 5.0, 60.0, 7.0
OUTAGE_TO = OUTAGE_FROM + OUTAGE_S


class Fleet:
    """Processes, each with a guard of its own, that call one upstream which is down for a minute."""

    def __init__(self, seed: int, processes: int, *, joined: bool) -> None:
        self.loop = asyncio.get_running_loop()
        self.chance = random.Random(seed)
        self.upstream = FakeUpstream(self.says)
        lease = InMemoryLease(self.loop.time) if joined else None
        between = InMemoryEvidence()
        self.guards = [self.guard(lease, between.member() if joined else None) for _ in range(processes)]
        self.healed_at: dict[int, float] = {}

    def guard(self, lease: ProbeLease | None, evidence: Evidence | None) -> Guard:
        return Guard(
            "fleet",
            POLICY,
            self.upstream,
            clock=self.loop.time,
            chance=self.chance.random,
            probe=PROBE,
            lease=lease,
            evidence=evidence,
        )

    @property
    def out(self) -> bool:
        return OUTAGE_FROM <= self.loop.time() < OUTAGE_TO

    def says(self) -> Response | Exception:
        return CallFailed(Reason.FRAMING, "odd", answered=True) if self.out else answer()

    async def run(self, players: int) -> None:
        until = OUTAGE_TO + HEALED_S_MAX + 2
        everybody = [
            self.play(number * players + player, guard, until)
            for number, guard in enumerate(self.guards)
            for player in range(players)
        ]
        await asyncio.gather(*everybody)
        for guard in self.guards:
            await guard.aclose()

    async def play(self, player: int, guard: Guard, until: float) -> None:
        """A page that refetches its slots until all are fresh."""
        await asyncio.sleep(OUTAGE_FROM * self.chance.random())
        while self.loop.time() < until:
            ended = await guard.call(GET, Deadline.after_ms(self.loop.time(), POLICY.deadline_ms))
            if isinstance(ended, Response):
                if self.loop.time() >= OUTAGE_TO:
                    self.healed_at[player] = self.loop.time()
                    return
                await asyncio.sleep(1)
            else:
                # Nothing is to be learned in the middle of the outage; towards its end there are many calls.
                impatient = self.loop.time() > OUTAGE_TO - 5
                await asyncio.sleep((0.25 if impatient else 4) + 1.25 * self.chance.random())

    def probes(self) -> list[float]:
        sent = zip(self.upstream.requests, self.upstream.at, strict=True)
        return [at for request, at in sent if request.url == PROBE.url]


@pytest.mark.parametrize(
    "seeds", [range(25), pytest.param(range(25, 100), marks=pytest.mark.full)], ids=["25", "75 more"]
)
@pytest.mark.parametrize("joined", [True, False], ids=["with evidence", "each by itself"])
def test_healed_within_seven_seconds_of_a_minutes_outage(joined: bool, seeds: range) -> None:
    """Each of a hundred outages, for every player of every process."""
    slowest = 0.0
    for seed in seeds:

        async def main(seed: int) -> dict[int, float]:
            fleet = Fleet(seed, 3, joined=joined)
            await fleet.run(players=1)
            return fleet.healed_at

        healed = simulated_time.run(main(seed))
        assert len(healed) == 3
        slowest = max(slowest, max(healed.values()) - OUTAGE_TO)
    assert slowest < HEALED_S_MAX


@functools.cache
def eight_by_fifty(*, joined: bool) -> Fleet:
    """Eight processes with fifty waiting players each, after their outage."""

    async def main() -> Fleet:
        fleet = Fleet(1, 8, joined=joined)
        await fleet.run(players=50)
        return fleet

    return simulated_time.run(main())


def test_one_probe_an_interval_in_the_whole_fleet() -> None:
    """Eight processes with fifty waiting players each send no more probes than one process would."""
    fleet = eight_by_fifty(joined=True)
    during = [at for at in fleet.probes() if at < OUTAGE_TO]
    gaps = [later - earlier for earlier, later in itertools.pairwise(during)]
    late_gaps = gaps[len(gaps) // 2 :]
    assert min(gaps) >= POLICY.open_ms_initial / 2000
    assert min(late_gaps) >= POLICY.open_ms_max / 2000
    assert len(fleet.healed_at) == 400
    # Only probes reached the upstream once the breakers were open.
    calls = [at for request, at in zip(fleet.upstream.requests, fleet.upstream.at, strict=True) if request is not PROBE]
    assert not [at for at in calls if OUTAGE_FROM + 3 < at < OUTAGE_TO and at not in during]


def test_one_probe_an_interval_in_each_process_without_a_lease() -> None:
    """With nobody to ask, each process probes for itself, and no more than that."""
    fleet = eight_by_fifty(joined=False)
    a_minute = int(OUTAGE_S / (POLICY.open_ms_max / 2000)) + 3
    assert len([at for at in fleet.probes() if at < OUTAGE_TO]) <= 8 * a_minute
    assert len(fleet.healed_at) == 400


def test_recovery_is_no_herd() -> None:
    """When the upstream is well again it meets a bounded number of calls at once, not everybody who waits."""
    fleet = eight_by_fifty(joined=True)
    after = [at for at in fleet.upstream.at if at >= OUTAGE_TO]
    busiest = max(sum(start <= at < start + 0.1 for at in after) for start in after)
    assert busiest <= 100


class Lease:
    """A lease that answers as a test says."""

    def __init__(self, says: Callable[[], Any]) -> None:
        self.says = says
        self.acquisitions = 0

    async def take(self, upstream: str, lease_ms: int) -> bool | None:
        self.acquisitions += 1
        answer = self.says()
        if isinstance(answer, Exception):
            raise answer
        if answer == "hang":
            await asyncio.sleep(3600)
        return answer


def opened(lease: ProbeLease | None = None, policy: Policy = POLICY) -> tuple[Guard, FakeUpstream]:
    """A guard in the running event loop whose upstream fails until a test heals it."""
    upstream = FakeUpstream(lambda: CallFailed(Reason.FRAMING, "odd", answered=True))
    clock = asyncio.get_running_loop().time
    return Guard("healing", policy, upstream, clock=clock, chance=lambda: 0.0, probe=PROBE, lease=lease), upstream


async def call(guard: Guard) -> None:
    await guard.call(GET, Deadline.after_ms(asyncio.get_running_loop().time(), 800))


@pytest.mark.parametrize("lost", [None, OSError("refused"), "hang"], ids=["unknown", "broken", "hung"])
def test_a_lost_lease_leaves_each_process_to_probe(lost: object) -> None:
    """Whatever is wrong with the lease, the upstream is probed and the breaker closes."""

    async def main() -> None:
        guard, upstream = opened(Lease(lambda: lost))
        for _ in range(5):
            await call(guard)
        upstream.says = answer
        await asyncio.sleep(3)
        assert guard.breaker.position is Position.CLOSED
        await guard.aclose()

    simulated_time.run(main())


def test_while_another_process_has_the_lease_this_one_waits() -> None:
    """It asks once an interval, sends nothing, and probes itself when the other is gone."""

    async def main() -> None:
        says: list[bool] = [False]
        lease = Lease(lambda: says[0])
        guard, upstream = opened(lease)
        for _ in range(5):
            await call(guard)
        upstream.says = answer
        await asyncio.sleep(60)
        assert len(upstream.requests) == 5
        assert lease.acquisitions <= 60 / (POLICY.open_ms_max / 2000) + 3
        says[0] = True
        await asyncio.sleep(9)
        assert guard.breaker.position is Position.CLOSED
        await guard.aclose()

    simulated_time.run(main())


def test_probes_are_counted_apart_from_calls() -> None:
    """A background probe is no call of anybody."""

    async def main() -> None:
        guard, upstream = opened()
        for _ in range(5):
            await call(guard)
        await asyncio.sleep(1.1)
        upstream.says = answer
        await asyncio.sleep(5)
        await guard.aclose()

    before = {word: sample("mullion_probes_total", word) for word in ("ok", "framing")}
    simulated_time.run(main())
    assert sample("mullion_probes_total", "ok") == before["ok"] + POLICY.closing_successes
    assert sample("mullion_probes_total", "framing") == before["framing"] + 1


def sample(name: str, outcome: str) -> float:
    return REGISTRY.get_sample_value(name, {"upstream": "healing", "outcome": outcome}) or 0.0


def test_a_guard_that_never_had_to_heal_closes_all_the_same() -> None:
    """Nothing is left of a probe that was never needed."""

    async def main() -> None:
        guard, _ = opened()
        await guard.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    simulated_time.run(main())


def test_forced_open_stops_the_probes_and_letting_go_starts_them() -> None:
    """An operator's word ends probing; afterwards one decides at once."""

    async def main() -> None:
        guard, upstream = opened()
        for _ in range(5):
            await call(guard)
        guard.force_open()
        await asyncio.sleep(60)
        assert len(upstream.requests) == 5
        upstream.says = answer
        guard.unforce()
        await asyncio.sleep(2)
        assert guard.breaker.position is Position.CLOSED
        await guard.aclose()

    simulated_time.run(main())


@pytest.mark.parametrize("held_s", [0.5, 60])
def test_letting_go_is_followed_by_a_probe_at_once(held_s: float) -> None:
    """Also where a long pause between two probes had begun before the operator's word."""

    async def main() -> None:
        guard, upstream = opened()
        clock = asyncio.get_running_loop().time
        for _ in range(5):
            await call(guard)
        await asyncio.sleep(20)
        due_ms = guard.breaker.probe_due_ms(clock())
        assert due_ms is not None
        await asyncio.sleep(due_ms / 1000 + 0.05)
        upstream.says = answer
        guard.force_open()
        await asyncio.sleep(held_s)
        probes, let_go_at = len(upstream.requests), clock()
        guard.unforce()
        await asyncio.sleep(0.05)
        assert len(upstream.requests) == probes + 1
        assert upstream.at[-1] == let_go_at
        assert guard.breaker.position is Position.CLOSED
        await guard.aclose()

    simulated_time.run(main())


@pytest.mark.parametrize("waiting_max", [0, 128], ids=["at once", "after waiting"])
def test_a_probe_that_finds_no_place_keeps_no_permit(waiting_max: int) -> None:
    """While old calls fill the bulkhead a probe gives up, is not sent, and is tried again when there is room."""

    async def main() -> None:
        guard, upstream = opened(policy=Policy(waiting_max=waiting_max))
        places = [await guard.bulkhead.enter(0) for _ in range(POLICY.in_flight_max)]
        open_it(guard)
        await asyncio.sleep(1.5)
        assert guard.breaker.permits_out == 0
        await asyncio.sleep(8.5)
        assert upstream.requests == []
        upstream.says = answer
        for place in places:
            assert place is not None
            place.leave()
        await asyncio.sleep(2)
        assert guard.breaker.position is Position.CLOSED
        await guard.aclose()

    simulated_time.run(main())


def test_a_probe_that_is_stopped_while_it_waits_keeps_no_permit() -> None:
    """Closing the guard ends the waiting and the probing."""

    async def main() -> None:
        guard, _ = opened()
        for _ in range(POLICY.in_flight_max):
            await guard.bulkhead.enter(0)
        open_it(guard)
        await asyncio.sleep(1.2)
        assert guard.bulkhead.waiting == guard.breaker.permits_out == 1
        await guard.aclose()
        assert guard.bulkhead.waiting == guard.breaker.permits_out == 0

    simulated_time.run(main())


def open_it(guard: Guard) -> None:
    for _ in range(POLICY.consecutive_max):
        permit = guard.breaker.acquire(0.0)
        assert permit is not None
        permit.failure(0.0, cause="timeout")


def test_the_breaker_closes_while_a_lease_is_asked_for() -> None:
    """What happened meanwhile is seen before a probe is sent."""

    async def main() -> None:
        guard: Guard

        class SlowLease:
            async def take(self, upstream: str, lease_ms: int) -> bool | None:
                guard.breaker.peer_closed()
                await call(guard)
                return True

        guard, upstream = opened(SlowLease())
        for _ in range(5):
            await call(guard)
        upstream.says = answer
        await asyncio.sleep(3)
        assert guard.breaker.position is Position.CLOSED
        assert PROBE.url not in [request.url for request in upstream.requests]
        await guard.aclose()

    simulated_time.run(main())
