"""A partition has a guard entirely of its own, on simulated time."""

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY

from bff.contracts.partition import MEMBER, Partition, sign
from bff.resilience import log
from bff.resilience.breaker import Position
from bff.resilience.deadline import Deadline
from bff.resilience.evidence import InMemoryEvidence, InMemoryLease
from bff.resilience.guard import Guard
from bff.resilience.last_good import Fetched, Key, LastGood, LastGoodPolicy
from bff.resilience.message import CallFailed, Headers, Request, Response
from bff.resilience.outcome import Failure, Outcome, State
from bff.resilience.partition import PARTITIONS_MAX, current, within
from bff.resilience.partition_border import partitioned
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.second_level import InMemorySecondLevel
from tests.support import simulated_time
from tests.support.resilience_fakes import GET, FakeUpstream, answer

pytestmark = pytest.mark.quick

KEY, EXPIRES = "k" * 48, 4_000_000_000
POLICY = Policy(deadline_ms=800)
PROBE = Request("GET", "http://wallet.test/probe")
ANNA, BEN = (Partition(name, f"{name}.{EXPIRES}.{'A' * 43}") for name in ("anna", "ben"))


def marks(request: Request) -> list[str]:
    return [value for name, value in request.headers if name == "baggage"]


class Upstream(FakeUpstream):
    """Fails calls that carry a mark; with `everybody` all calls."""

    everybody = False

    def __init__(self) -> None:
        super().__init__(self.reply)

    def reply(self) -> Response | Exception:
        if self.everybody or marks(self.requests[-1]):
            return CallFailed(Reason.FRAMING, "odd", answered=True)
        return answer()


class Bench:
    """One guard, whose calls can be made in any partition."""

    def __init__(self, name: str = "partitioned") -> None:
        self.now = asyncio.get_running_loop().time
        self.upstream = Upstream()
        self.between = InMemoryEvidence()
        self.guard = self.make(name)

    def make(self, name: str) -> Guard:
        return Guard(
            name,
            POLICY,
            self.upstream,
            clock=self.now,
            chance=lambda: 0.5,
            probe=PROBE,
            evidence=self.between.member(),
            lease=InMemoryLease(self.now),
        )

    async def call(self, partition: Partition | None = None, guard: Guard | None = None) -> Response | Failure:
        guard = guard or self.guard
        if partition is None:
            return await guard.call(GET, Deadline.after_ms(self.now(), 800))
        with within(partition):
            return await guard.call(GET, Deadline.after_ms(self.now(), 800))

    def own(self, partition: Partition) -> Guard:
        with within(partition):
            return self.guard.own()

    async def open(self, partition: Partition) -> None:
        while self.own(partition).breaker.position is Position.CLOSED:
            await self.call(partition)


def test_outage_of_a_partition_opens_its_breaker_and_nobody_elses() -> None:
    """Neither here nor in another process, and not that of another partition."""

    async def main() -> None:
        bench = Bench()
        other_process = bench.make("partitioned")
        await bench.open(ANNA)
        refused = await bench.call(ANNA)
        assert isinstance(refused, Failure)
        assert refused.reason is Reason.BREAKER_OPEN
        with within(ANNA):
            assert bench.guard.refusal() is not None
        assert bench.guard.refusal() is None
        assert isinstance(await bench.call(), Response)
        assert bench.own(BEN).breaker.position is Position.CLOSED
        for guard in (bench.guard, other_process):
            assert (guard.breaker.position, guard.breaker.permits_out) == (Position.CLOSED, 0)
        await bench.guard.aclose()
        await other_process.aclose()

    simulated_time.run(main())


def test_outage_of_everybody_is_not_heard_in_a_partition() -> None:
    """It finds out by itself, as the fault of another session is not its own."""

    async def main() -> None:
        bench = Bench()
        bench.own(ANNA)
        bench.upstream.everybody = True
        other_process = bench.make("partitioned")
        for _ in range(POLICY.consecutive_max):
            await bench.call(guard=other_process)
        await asyncio.sleep(0)
        assert other_process.breaker.position is Position.OPEN
        sent = len(bench.upstream.requests)
        for _ in range(POLICY.evidence_consecutive_max):
            await bench.call(ANNA)
        assert len(bench.upstream.requests) == sent + POLICY.evidence_consecutive_max
        assert bench.own(ANNA).breaker.position is Position.CLOSED
        await bench.guard.aclose()
        await other_process.aclose()

    simulated_time.run(main())


def test_call_and_probe_of_a_partition_carry_its_mark_and_nobody_elses_do() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.call()
        await bench.open(ANNA)
        await bench.call(BEN)
        await asyncio.sleep(4)
        probes = [marks(sent) for sent in bench.upstream.requests if sent.url == PROBE.url]
        assert probes
        assert all(found == [f"{MEMBER}={ANNA.value}"] for found in probes)
        calls = [marks(sent) for sent in bench.upstream.requests if sent.url != PROBE.url]
        assert calls[0] == []
        assert calls[-1] == [f"{MEMBER}={BEN.value}"]
        await bench.guard.aclose()

    simulated_time.run(main())


def test_full_bulkhead_of_a_partition_leaves_room_for_everybody_else() -> None:
    async def main() -> None:
        bench = Bench()
        with within(ANNA):
            calls = [
                asyncio.create_task(bench.guard.call(GET, Deadline.after_ms(bench.now(), 800)))
                for _ in range(POLICY.in_flight_max + POLICY.waiting_max)
            ]
        await asyncio.sleep(0)
        assert bench.own(ANNA).bulkhead.in_flight == POLICY.in_flight_max
        assert bench.guard.bulkhead.in_flight == 0
        assert isinstance(await bench.call(), Response)
        await asyncio.gather(*calls)
        await bench.guard.aclose()

    simulated_time.run(main())


def test_retry_of_a_partition_carries_its_mark_and_takes_nothing_from_everybodys_budget() -> None:
    async def main() -> None:
        bench = Bench()
        bench.upstream.says = lambda: CallFailed(Reason.CONNECT, "refused")
        for _ in range(2):
            await bench.call(ANNA)
        assert [marks(sent) for sent in bench.upstream.requests] == [[ANNA.baggage[1]]] * 4
        now = bench.now()
        assert [bench.guard._budget.take(now) for _ in range(POLICY.retry_budget_spare)] == [True] * 3
        assert [bench.own(ANNA)._budget.take(now) for _ in range(2)] == [True, False]
        await bench.guard.aclose()

    simulated_time.run(main())


def test_partition_has_connections_of_its_own() -> None:
    async def main() -> None:
        guard = Guard("partitioned", POLICY)
        with within(ANNA):
            own = guard.own()
        assert own is not guard
        assert own._transport is not guard._transport
        await guard.aclose()

    simulated_time.run(main())


def test_ninth_partition_takes_the_place_of_the_least_recently_used() -> None:
    """Which ends by itself, its probes too, and begins anew when it comes back."""

    async def main() -> None:
        bench = Bench()
        eight = [Partition(f"p{n}", f"p{n}.1.x") for n in range(PARTITIONS_MAX)]
        await bench.open(eight[1])
        first = {each.name: bench.own(each) for each in eight}
        assert bench.own(eight[0]) is first["p0"], "used again, so the next is older"
        await bench.call(ANNA)
        assert bench.own(eight[0]) is first["p0"]
        assert bench.own(eight[1]) is not first["p1"]
        assert bench.own(eight[1]).breaker.position is Position.CLOSED
        await asyncio.sleep(1)
        sent = len(bench.upstream.requests)
        await asyncio.sleep(30)
        assert len(bench.upstream.requests) == sent, "nobody probes for who is gone"
        await bench.guard.aclose()

    simulated_time.run(main())


def test_partition_is_held_and_let_go_with_everybody() -> None:
    async def main() -> None:
        bench = Bench()
        there_before = bench.own(ANNA)
        bench.guard.force_open("wrong odds")
        for partition in (ANNA, BEN):
            ended = await bench.call(partition)
            assert isinstance(ended, Failure)
            assert (ended.reason, ended.detail) == (Reason.HELD, "held by an operator: wrong odds")
        assert bench.own(ANNA) is there_before
        bench.guard.unforce()
        assert bench.own(ANNA).breaker.position is not Position.FORCED
        assert bench.own(BEN).breaker.position is not Position.FORCED
        await bench.guard.aclose()

    simulated_time.run(main())


def test_guard_that_is_closed_starts_no_probes_for_a_partition() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.guard.aclose()
        await bench.open(ANNA)
        sent = len(bench.upstream.requests)
        await asyncio.sleep(30)
        assert len(bench.upstream.requests) == sent

    simulated_time.run(main())


def test_partition_stands_in_no_metric() -> None:
    async def main() -> None:
        bench = Bench("unmetered")
        await bench.call()
        before = figures("unmetered")
        await bench.open(ANNA)
        await asyncio.sleep(8)
        assert figures("unmetered") == before
        assert not any("anna" in str(sample.labels) for metric in REGISTRY.collect() for sample in metric.samples)
        await bench.guard.aclose()

    simulated_time.run(main())


def figures(upstream: str) -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.labels.get("upstream") == upstream
    }


SHARED = Key.for_everybody("tables", "en")
GOOD = Fetched("good", 4, Headers((("cache-control", "max-age=60, stale-if-error=60"),)))
DOWN = Failure(Reason.TIMEOUT, "no answer in time")


class Text:
    def dump(self, value: str) -> bytes:
        return value.encode()

    def load(self, data: bytes) -> str:
        return data.decode()


class Copies:
    """Last good copies with a second level; `get` returns what was fetched, if anything was."""

    def __init__(self) -> None:
        clock = asyncio.get_running_loop().time
        self.second = InMemorySecondLevel(clock)
        self.last_good = LastGood(LastGoodPolicy(), clock=clock, second=self.second, codec=Text())
        self.fetches = 0

    async def get(self, says: Fetched[str] | Failure, partition: Partition | None = None) -> Outcome[str] | Failure:
        async def fetch() -> Fetched[str] | Failure:
            self.fetches += 1
            await asyncio.sleep(0.1)
            return says

        if partition is None:
            return await self.last_good.get(SHARED, fetch, stale_s_max=60)
        with within(partition):
            return await self.last_good.get(SHARED, fetch, stale_s_max=60)

    def values(self) -> set[str]:
        return {copy.value for copy in self.last_good._copies._copies.values()}


def test_partition_is_shown_the_last_good_copy_of_others_when_its_own_call_fails() -> None:
    """Though that copy is fresh to them: what it calls is asked, or its outage would not be seen."""

    async def main() -> None:
        copies = Copies()
        await copies.get(GOOD)
        shown = await copies.get(DOWN, ANNA)
        assert isinstance(shown, Outcome)
        assert (shown.state, shown.value, shown.reason) == (State.STALE, "good", Reason.TIMEOUT)
        assert copies.fetches == 2
        with within(ANNA):
            at_once = copies.last_good.at_once(SHARED, lambda: DOWN, stale_s_max=60)
        assert isinstance(at_once, Outcome)
        assert at_once.state is State.STALE
        await copies.last_good.aclose()

    simulated_time.run(main())


@pytest.mark.parametrize(
    "says",
    [
        Fetched("odd", 3, Headers((("cache-control", "max-age=60"),))),
        Fetched("odd", 3, Headers((("cache-control", "no-store"),))),
        Failure(Reason.NOT_FOUND, "gone", status=404),
        DOWN,
    ],
)
def test_partition_writes_no_last_good_copy_and_takes_none_away(says: Any) -> None:
    async def main() -> None:
        copies = Copies()
        await copies.get(GOOD)
        await copies.last_good.aclose()
        before = dict(copies.second._copies)
        await copies.get(says, ANNA)
        await copies.last_good.aclose()
        assert copies.values() == {"good"}
        assert copies.second._copies == before
        again = await copies.get(DOWN)
        assert isinstance(again, Outcome)
        assert (again.state, again.value) == (State.FRESH, "good")

    simulated_time.run(main())


def test_partition_reads_the_second_level_and_fills_no_memory_from_it() -> None:
    async def main() -> None:
        copies = Copies()
        await copies.get(GOOD)
        await copies.last_good.aclose()
        copies.last_good._copies.delete(SHARED)
        await asyncio.sleep(2)  # a miss is remembered only for a short time
        shown = await copies.get(DOWN, ANNA)
        assert isinstance(shown, Outcome)
        assert shown.value == "good"
        assert copies.values() == set()

    simulated_time.run(main())


def test_partition_joins_no_fetch_of_others_and_nobody_joins_its_own() -> None:
    async def main() -> None:
        copies = Copies()
        everybody, marked, later = await asyncio.gather(copies.get(GOOD), copies.get(DOWN, ANNA), copies.get(GOOD))
        assert copies.fetches == 2
        assert [each.state for each in (everybody, later) if isinstance(each, Outcome)] == [State.FRESH, State.FRESH]
        assert not isinstance(marked, Outcome) or marked.state is State.STALE
        await copies.last_good.aclose()
        copies = Copies()
        _, everybody = await asyncio.gather(copies.get(DOWN, ANNA), copies.get(GOOD))
        assert isinstance(everybody, Outcome)
        assert (everybody.state, copies.fetches) == (State.FRESH, 2)
        await copies.last_good.aclose()

    simulated_time.run(main())


class House:
    """Records the partition of each of its requests."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        partition = current()
        self.seen.append(partition.name if partition else "")


async def nothing(*_: object) -> Any:
    return {}


async def knock(application: Any, *headers: tuple[bytes, bytes]) -> None:
    await application({"type": "http", "headers": headers}, nothing, nothing)


async def test_house_reads_the_mark_where_its_callers_bring_it_and_nowhere_else() -> None:
    """What browsers reach believes no baggage; what houses call sees no cookie."""
    house, cookie, baggage = House(), b"cookie", b"baggage"
    value = f"{MEMBER}={fresh('anna')}".encode()
    front = partitioned(house, {"PARTITION_KEY": KEY}, brought_by="cookie")
    inner = partitioned(house, {"PARTITION_KEY": KEY}, brought_by="baggage")
    await knock(front, (cookie, value), (baggage, f"{MEMBER}={fresh('ben')}".encode()))
    await knock(front, (baggage, value))
    await knock(inner, (baggage, value))
    await knock(inner, (cookie, value))
    await knock(inner, (baggage, b"\xff" + value))
    await inner({"type": "lifespan"}, nothing, nothing)
    assert house.seen == ["anna", "", "anna", "", "", ""]
    assert current() is None


async def test_house_without_the_key_reads_nothing() -> None:
    house = House()
    assert partitioned(house, {}, brought_by="cookie") is house
    assert partitioned(house, {"PARTITION_KEY": ""}, brought_by="baggage") is house


def test_key_that_could_be_guessed_ends_the_process_with_a_sentence() -> None:
    with pytest.raises(SystemExit, match="PARTITION_KEY could be guessed: it has fewer than 32 characters"):
        partitioned(House(), {"PARTITION_KEY": "short"}, brought_by="cookie")


def fresh(name: str) -> str:
    return sign(KEY, name, expires_s=int(time.time()) + 60)


@pytest.fixture
def logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**configured)


@pytest.mark.usefixtures("logging_restored")
def test_log_lines_of_a_partition_carry_its_name_and_not_its_mark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEBUG", "1")
    log.configure()
    with within(ANNA):
        log.get("shop").warning("included")
        logging.getLogger("django").warning("odd")
    log.get("shop").warning("included")
    assert capsys.readouterr().err.splitlines() == [
        "[warning] included [shop] partition=anna",
        "[warning] odd [django] partition=anna",
        "[warning] included [shop]",
    ]
