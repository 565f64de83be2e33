"""How a guard handles an upstream, on simulated time."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from bff.contracts import headers as names
from bff.resilience.breaker import Position
from bff.resilience.deadline import Deadline
from bff.resilience.evidence import InMemoryEvidence
from bff.resilience.guard import Failure, Guard
from bff.resilience.message import CallFailed, Headers, Request, Response
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.transport import Transport
from tests.support import simulated_time
from tests.support.resilience_fakes import GET, FakeUpstream, answer

pytestmark = pytest.mark.quick

POLICY = Policy(deadline_ms=800)
QUEUE = POLICY.waiting_max


class Bench:
    """A guard over a fake upstream."""

    def __init__(self, name: str, policy: Policy = POLICY, **more: Any) -> None:
        self.upstream = FakeUpstream()
        self.clock = asyncio.get_running_loop().time
        self.guard = Guard(name, policy, self.upstream, clock=self.clock, chance=lambda: 0.0, **more)

    async def call(self, request: Request = GET, deadline_ms: int = 1000, **more: Any) -> Response | Failure:
        return await self.guard.call(request, Deadline.after_ms(self.clock(), deadline_ms), **more)

    async def fail(self, **more: Any) -> Failure:
        ended = await self.call(**more)
        assert isinstance(ended, Failure)
        return ended

    def counted(self, outcome: str) -> float:
        labels = {"upstream": self.guard.name, "outcome": outcome}
        return REGISTRY.get_sample_value("mullion_calls_total", labels) or 0.0


def simulated(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run `test` on simulated time with a fresh bench; afterwards none of its tasks may be left."""

    def run() -> None:
        async def main() -> None:
            bench = Bench(test.__name__)
            await test(bench)
            await bench.guard.aclose()
            assert bench.guard.bulkhead.in_flight == bench.guard.breaker.permits_out == bench.upstream.in_flight == 0
            assert bench.upstream.closed
            assert asyncio.all_tasks() == {asyncio.current_task()}

        simulated_time.run(main())

    run.__doc__, run.__name__ = test.__doc__, test.__name__
    return run


@simulated
async def test_a_good_answer_comes_through(bench: Bench) -> None:
    """An answer comes back as it is, and is counted."""
    assert await bench.call() == answer()
    assert bench.counted("ok") == 1


@simulated
async def test_the_upstream_learns_how_long_it_has(bench: Bench) -> None:
    """The remaining deadline travels with the call: the guard's own, or an earlier one."""
    await bench.call(deadline_ms=5000)
    await bench.call(deadline_ms=300)
    sent = [dict(request.headers)[names.DEADLINE_MS] for request in bench.upstream.requests]
    assert sent == ["800", "300"]


@pytest.mark.parametrize("status", [200, 204, 304, 400, 401, 403, 404, 409, 410, 422])
def test_answers_of_a_well_upstream_keep_the_breaker_closed(status: int) -> None:
    """What says no is an answer, however often."""

    async def main() -> None:
        bench = Bench(f"well-{status}")
        bench.upstream.says = lambda: answer(status)
        for _ in range(50):
            assert await bench.call() == answer(status)
        assert bench.guard.breaker.position is Position.CLOSED
        await bench.guard.aclose()

    simulated_time.run(main())


COUNTED = [
    Reason.CONNECT,
    Reason.CONNECT_TIMEOUT,
    Reason.DNS,
    Reason.TLS,
    Reason.TIMEOUT,
    Reason.CUT,
    Reason.FRAMING,
]


@pytest.mark.parametrize("reason", COUNTED)
def test_failures_of_the_upstream_open_the_breaker(reason: Reason) -> None:
    """Five in a row, and calls fail at once without reaching the upstream."""

    async def main() -> None:
        bench = Bench(f"counted-{reason}")
        bench.upstream.says = lambda: CallFailed(reason, "odd", answered=True)
        for _ in range(5):
            assert (await bench.fail()).reason is reason
        refused = await bench.fail()
        closes_ms = 1000 + (POLICY.closing_successes_few - 1) * POLICY.probe_gap_ms
        assert (refused.reason, refused.retry_after_ms) == (Reason.BREAKER_OPEN, closes_ms)
        assert len(bench.upstream.requests) == 5
        assert bench.counted(reason) == 5
        assert bench.counted("breaker_open") == 1
        await bench.guard.aclose()

    simulated_time.run(main())


@pytest.mark.parametrize("reason", [Reason.REDIRECT, Reason.INTERNAL])
def test_what_is_not_the_upstreams_failing_keeps_it_closed(reason: Reason) -> None:
    """A redirect comes from an upstream that is well; our own mistake says nothing of it."""

    async def main() -> None:
        bench = Bench(f"uncounted-{reason}")
        bench.upstream.says = lambda: CallFailed(reason, "odd", answered=True)
        for _ in range(50):
            assert (await bench.fail()).reason is reason
        assert bench.guard.breaker.position is Position.CLOSED
        await bench.guard.aclose()

    simulated_time.run(main())


@pytest.mark.parametrize(("status", "reason"), [(500, "upstream_error"), (503, "upstream_error"), (429, "throttled")])
def test_5xx_and_429_are_failures(status: int, reason: str) -> None:
    """With the status, and when to come back if it says so."""

    async def main() -> None:
        bench = Bench(f"status-{status}")
        bench.upstream.says = lambda: answer(status, ("Retry-After", "0"))
        failure = await bench.fail()
        assert failure == Failure(Reason(reason), f"status {status}", 0, status)
        for _ in range(4):
            await bench.fail()
        assert bench.guard.breaker.position is Position.OPEN
        await bench.guard.aclose()

    simulated_time.run(main())


@simulated
async def test_an_upstream_that_turns_calls_away_is_well(bench: Bench) -> None:
    """Its door's word costs the call that was turned away, and opens no breaker, however often it is said."""
    problem = b'{"status":503,"title":"Service Unavailable","code":"shed"}'
    headers = Headers((("Content-Type", "application/problem+json"), ("Retry-After", "3")))
    bench.upstream.says = lambda: Response(503, headers, problem)
    for _ in range(50):
        ended = await bench.call()
        assert isinstance(ended, Failure)
        assert (ended.reason, ended.retry_after_ms, ended.status, ended.sent) == ("shed", 3000, 503, False)
    assert bench.guard.breaker.position == "closed"
    assert len(bench.upstream.requests) == 50


@simulated
async def test_503_with_retry_after_pauses_all_calls_at_once(bench: Bench) -> None:
    """An upstream that asks for a pause gets it, up to 8 s."""
    bench.upstream.says = lambda: answer(503, ("Retry-After", "3600"))
    assert (await bench.fail()).retry_after_ms == 8000
    assert (await bench.fail()).reason is Reason.BREAKER_OPEN
    await asyncio.sleep(7.9)
    assert (await bench.fail()).reason is Reason.BREAKER_OPEN
    bench.upstream.says = answer
    await asyncio.sleep(0.2)
    assert await bench.call() == answer()


@simulated
async def test_429_with_retry_after_pauses_its_caller_only(bench: Bench) -> None:
    """It may be about one player: the caller hears when to come back, the others go on."""
    bench.upstream.says = lambda: answer(429, ("Retry-After", "5"))
    assert (await bench.fail()).retry_after_ms == 5000
    bench.upstream.says = answer
    assert await bench.call() == answer()


@simulated
async def test_a_callers_own_judgement_counts(bench: Bench) -> None:
    """A business error inside a 200 is a failure of the upstream when the caller says so."""
    wrong = Failure(Reason.UPSTREAM_ERROR, "out of order")
    for _ in range(5):
        assert await bench.call(judge=lambda response: wrong) == wrong
    assert bench.guard.breaker.position is Position.OPEN


@simulated
async def test_what_can_not_be_used_counts_against_what_was_asked_for(bench: Bench) -> None:
    """Others of the same path, and other paths, are answered as ever; the upstream's breaker has nothing to do."""
    wrong = Failure(Reason.CONTENT_TYPE, "text/plain")
    refuse = {"judge": lambda response: wrong, "resource": ("pl_one", "/wallet")}
    for _ in range(POLICY.consecutive_max):
        assert await bench.call(**refuse) == wrong
    sent = len(bench.upstream.requests)
    refused = await bench.fail(**refuse)
    assert (refused.reason, refused.sent, len(bench.upstream.requests)) == (Reason.BREAKER_OPEN, False, sent)
    assert refused.retry_after_ms == POLICY.open_ms_initial / 2
    assert await bench.call(resource=("pl_two", "/wallet")) == answer()
    assert await bench.call() == answer()
    assert bench.guard.breaker.position is Position.CLOSED
    assert REGISTRY.get_sample_value("mullion_resources_shut", {"upstream": bench.guard.name}) == 1
    await asyncio.sleep(1)
    assert await bench.call(resource=("pl_one", "/wallet")) == answer()
    assert await bench.call(resource=("pl_one", "/wallet")) == answer()
    assert bench.guard.resources.shut == 0


@simulated
async def test_who_waited_while_its_resource_was_shut_is_refused(bench: Bench) -> None:
    """As many as there is room for find out together; who waited for them is told."""
    wrong = Failure(Reason.EMPTY, "no words")
    calls = [bench.call(judge=lambda response: wrong) for _ in range(80)]
    reasons = [each.reason for each in await asyncio.gather(*calls) if isinstance(each, Failure)]
    assert reasons.count(Reason.EMPTY) == 64
    assert reasons.count(Reason.BREAKER_OPEN) == 16


@simulated
async def test_a_failing_upstream_proves_nothing_of_a_resource(bench: Bench) -> None:
    """A trial of a shut resource that meets an outage may be made again soon, and counts against the upstream."""
    wrong = Failure(Reason.EMPTY, "no words")
    for _ in range(POLICY.consecutive_max):
        await bench.call(judge=lambda response: wrong)
    await asyncio.sleep(1)
    bench.upstream.says = lambda: answer(500)
    assert (await bench.fail()).reason is Reason.UPSTREAM_ERROR
    await asyncio.sleep(POLICY.probe_gap_ms / 1000)
    bench.upstream.says = answer
    assert await bench.call() == answer()
    assert bench.guard.resources.shut == 0


@simulated
async def test_a_judge_with_a_mistake_costs_its_call_only(bench: Bench) -> None:
    """No mistake of ours is raised through a guard, nor held against the upstream."""

    def broken(response: Response) -> Failure | None:
        raise KeyError("odd")

    for _ in range(6):
        failure = await bench.call(judge=broken)
        assert isinstance(failure, Failure)
        assert failure.reason is Reason.INTERNAL
    assert await bench.call(judge=lambda response: None) == answer()


@simulated
async def test_a_late_answer_is_given_up_at_the_deadline(bench: Bench) -> None:
    """The guard's own deadline holds though the caller has more time."""
    bench.upstream.took_ms = 5000
    assert (await bench.fail(deadline_ms=5000)).reason is Reason.TIMEOUT
    assert bench.clock() == pytest.approx(0.8)


@simulated
async def test_an_answer_in_time_is_an_answer(bench: Bench) -> None:
    """However slow they are, and however many: none is replaced, the breaker stays closed, and the log warns once."""
    bench.upstream.took_ms = POLICY.deadline_ms - 10
    with capture_logs() as logs:
        for _ in range(150):
            assert await bench.call() == answer()
    assert bench.guard.breaker.position is Position.CLOSED
    assert [line["event"] for line in logs] == ["upstream_slow"]


def visible_changes(policy: Policy, *, seed: int, took_ms: tuple[float, float], **more: Any) -> list[float]:
    """The moments, in seconds, at which a visitor's view changes: half a minute of an upstream that is fast at first
    and then takes between so many milliseconds, called again 400 ms after each answer."""
    changes = []

    async def main() -> None:
        drawn = random.Random(seed)
        bench = Bench("straddling", policy, **more)
        began, shown = bench.clock(), True
        while bench.clock() < began + 30:
            bench.upstream.took_ms = 20 if bench.clock() < began + 5 else drawn.uniform(*took_ms)
            fresh = isinstance(await bench.call(), Response)
            if fresh != shown:
                changes.append(bench.clock() - began)
            shown = fresh
            await asyncio.sleep(0.4)
        await bench.guard.aclose()

    simulated_time.run(main())
    return changes


@pytest.mark.parametrize("seed", range(8))
def test_an_upstream_near_its_limit_gets_more_time_and_stays_fresh(seed: int) -> None:
    """225 to 260 ms against 250: at most the first is too late, as nothing said before that they come near."""
    patient = Policy(deadline_ms=250, patience_ms=150)
    assert len(visible_changes(patient, seed=seed, took_ms=(225, 260))) <= 2


@simulated
async def test_a_call_without_a_fair_chance_proves_nothing(bench: Bench) -> None:
    """A time-out of a call that came with hardly any time is not the upstream's."""
    bench.upstream.took_ms = 500
    for _ in range(30):
        assert (await bench.fail(deadline_ms=300)).reason is Reason.TIMEOUT
    assert bench.guard.breaker.position is Position.CLOSED
    bench.upstream.took_ms = 5000
    for _ in range(5):
        await bench.fail(deadline_ms=500)
    assert bench.guard.breaker.position is Position.OPEN


@simulated
async def test_a_get_that_never_reached_the_upstream_is_tried_once_more(bench: Bench) -> None:
    """One retry, and the page never knows."""
    outcomes = [CallFailed(Reason.CONNECT, "refused"), answer()]
    bench.upstream.says = lambda: outcomes.pop(0)
    assert await bench.call() == answer()
    assert len(bench.upstream.requests) == 2
    assert REGISTRY.get_sample_value("mullion_retries_total", {"upstream": bench.guard.name}) == 1


@pytest.mark.parametrize(
    ("failed", "request_", "took_ms"),
    [
        (CallFailed(Reason.TIMEOUT, "late"), GET, 10),
        (CallFailed(Reason.CONNECT_TIMEOUT, "late"), GET, 10),
        (CallFailed(Reason.CUT, "in the body", answered=True), GET, 10),
        (CallFailed(Reason.CONNECT, "refused"), Request("POST", GET.url), 10),
        (CallFailed(Reason.CONNECT, "refused"), GET, 500),
    ],
    ids=["time-out", "connect-time-out", "answered", "command", "too-late"],
)
def test_nothing_else_is_tried_again(failed: CallFailed, request_: Request, took_ms: int) -> None:
    """Neither a time-out, nor a cut answer, nor a command, nor with less than half of the time left."""

    async def main() -> None:
        bench = Bench("once")
        bench.upstream.says = lambda: failed
        bench.upstream.took_ms = took_ms
        assert (await bench.fail(request=request_)).reason is failed.reason
        assert len(bench.upstream.requests) == 1
        await bench.guard.aclose()

    simulated_time.run(main())


def test_retries_stay_within_their_budget() -> None:
    """Two hundred calls that are all refused are not four hundred."""

    async def main() -> None:
        bench = Bench("budget", Policy(consecutive_max=10_000, calls_min=10_000))
        bench.upstream.says = lambda: CallFailed(Reason.CONNECT, "refused")
        await asyncio.gather(*(bench.call() for _ in range(150)))
        assert 150 + 3 <= len(bench.upstream.requests) <= 150 + 3 + 15
        await bench.guard.aclose()

    simulated_time.run(main())


@simulated
async def test_a_burst_of_two_hundred_is_all_served(bench: Bench) -> None:
    """On a healthy upstream a burst waits a little, 64 at once, and none is refused."""
    bench.upstream.took_ms = 50
    ended = await asyncio.gather(*(bench.call() for _ in range(200)))
    assert all(isinstance(each, Response) for each in ended)
    assert bench.upstream.in_flight_max == 64


@simulated
async def test_who_finds_no_place_fails_at_once_or_at_half_the_deadline(bench: Bench) -> None:
    """Beyond the queue at once; within it when half of the time is gone. The breaker is not told."""
    bench.upstream.took_ms = 600
    ended = await asyncio.gather(*(bench.call() for _ in range(64 + QUEUE + 8)))
    full = [each for each in ended if isinstance(each, Failure)]
    assert {each.reason for each in full} == {Reason.BULKHEAD_FULL}
    assert len(full) == QUEUE + 8
    assert bench.guard.breaker.position is Position.CLOSED


@simulated
async def test_a_call_outlives_the_caller_that_left(bench: Bench) -> None:
    """Its place is taken until it really ends, and what it met still counts."""
    bench.upstream.took_ms = 400
    calling = asyncio.create_task(bench.call())
    await asyncio.sleep(0.1)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert bench.guard.bulkhead.in_flight == bench.guard.breaker.permits_out == 1
    await asyncio.sleep(0.31)
    assert bench.guard.bulkhead.in_flight == bench.guard.breaker.permits_out == 0


@simulated
async def test_closing_waits_for_the_calls_that_run(bench: Bench) -> None:
    """A call outlives its caller, and ends before its connections do."""
    bench.upstream.took_ms = 400
    calling = asyncio.create_task(bench.call())
    await asyncio.sleep(0.1)
    calling.cancel()
    await bench.guard.aclose()
    assert bench.clock() == pytest.approx(0.4)


@simulated
async def test_a_caller_that_leaves_the_queue_makes_no_call(bench: Bench) -> None:
    """Who left before there was a place asks nothing of the upstream."""
    bench.upstream.took_ms = 100
    calling = [asyncio.create_task(bench.call()) for _ in range(64)]
    waiting = asyncio.create_task(bench.call())
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(*calling)
    await asyncio.sleep(1)
    assert len(bench.upstream.requests) == 64


@simulated
async def test_who_waited_while_the_breaker_opened_is_refused(bench: Bench) -> None:
    """A place in an upstream that has failed meanwhile is given back."""
    bench.upstream.took_ms = 100
    bench.upstream.says = lambda: CallFailed(Reason.FRAMING, "odd", answered=True)
    ended = await asyncio.gather(*(bench.call() for _ in range(80)))
    reasons = [each.reason for each in ended if isinstance(each, Failure)]
    assert reasons.count(Reason.BREAKER_OPEN) == 16
    assert len(bench.upstream.requests) == 64


@simulated
async def test_a_passed_deadline_calls_nobody_to_account(bench: Bench) -> None:
    """A page that has no time left learns so at once."""
    assert (await bench.fail(deadline_ms=0)).reason is Reason.TIMEOUT
    assert bench.guard.breaker.permits_out == 0


@simulated
async def test_an_operator_holds_it_open_and_lets_go(bench: Bench) -> None:
    """Forced open, nothing reaches the upstream, and who asks is told why; afterwards the next call is made."""
    bench.guard.force_open()
    assert await bench.fail() == Failure(Reason.HELD, "held by an operator")
    bench.guard.force_open("wrong balances")
    assert await bench.fail() == bench.guard.refusal() == Failure(Reason.HELD, "held by an operator: wrong balances")
    await asyncio.sleep(600)
    assert bench.upstream.requests == []
    bench.guard.unforce()
    assert await bench.call() == answer()
    assert bench.guard.breaker.position is Position.CLOSED


def test_the_gauges_follow() -> None:
    """Places and the breaker's position can be read from the metrics."""

    async def main() -> None:
        bench = Bench("gauges")
        bench.upstream.took_ms = 100
        calling = [asyncio.create_task(bench.call()) for _ in range(70)]
        await asyncio.sleep(0.05)
        assert REGISTRY.get_sample_value("mullion_calls_in_flight", {"upstream": "gauges"}) == 64
        assert REGISTRY.get_sample_value("mullion_calls_waiting", {"upstream": "gauges"}) == 6
        await asyncio.gather(*calling)
        bench.guard.force_open()
        at = {position: position_sample("gauges", position) for position in Position}
        assert at == {Position.CLOSED: 0, Position.HALF_OPEN: 0, Position.OPEN: 0, Position.FORCED: 1}
        await bench.guard.aclose()

    simulated_time.run(main())


def test_who_holds_no_lease_leaves_the_probe_to_another() -> None:
    """It waits as if the probe had been its own and in vain, and probes itself once the lease is to be had."""

    class Lease:
        free = False

        async def take(self, upstream: str, lease_ms: int) -> bool | None:
            await asyncio.sleep(0.01)
            return self.free

    async def main() -> None:
        lease = Lease()
        bench = Bench("leased", probe=GET, lease=lease)
        bench.upstream.says = lambda: CallFailed(Reason.CUT, "gone", answered=True)
        while bench.guard.breaker.position is Position.CLOSED:
            await bench.call()
        bench.upstream.says, sent = answer, len(bench.upstream.requests)
        await asyncio.sleep(30)
        assert (len(bench.upstream.requests), bench.guard.breaker.position) == (sent, Position.OPEN)
        lease.free = True
        await asyncio.sleep(10)
        assert bench.guard.breaker.position is Position.CLOSED
        await bench.guard.aclose()

    simulated_time.run(main())


def test_what_a_closed_guard_still_meets_is_nobodys_news() -> None:
    """Its successor has its name by then: neither the gauges nor the other processes hear of its last calls."""

    async def main() -> None:
        received: list[object] = []
        between = InMemoryEvidence()
        between.member().subscribe("moved-on", received.append)
        bench = Bench("moved-on", evidence=between.member())
        bench.upstream.took_ms, bench.upstream.says = 100, lambda: CallFailed(Reason.CUT, "gone", answered=True)
        calling = [asyncio.create_task(bench.call()) for _ in range(POLICY.consecutive_max)]
        await asyncio.sleep(0.01)
        await bench.guard.aclose()
        assert all(isinstance(each, Failure) for each in await asyncio.gather(*calling))
        assert bench.guard.breaker.position is Position.OPEN
        await asyncio.sleep(0)
        assert position_sample("moved-on", Position.OPEN) == 0
        assert received == []

    simulated_time.run(main())


def position_sample(upstream: str, position: Position) -> float | None:
    return REGISTRY.get_sample_value("mullion_breaker_position", {"upstream": upstream, "position": position.value})


def test_evidence_travels_both_ways() -> None:
    """What one process's breaker does lowers another's threshold; an operator's word stays at home."""

    async def main() -> None:
        between = InMemoryEvidence()
        one = Bench("joined", evidence=between.member())
        other = Bench("joined", evidence=between.member())
        failing = lambda: CallFailed(Reason.FRAMING, "odd", answered=True)  # noqa: E731
        one.upstream.says = other.upstream.says = failing
        for _ in range(5):
            await one.fail()
        await asyncio.sleep(0)
        for _ in range(2):
            await other.fail()
        assert other.guard.breaker.position is Position.OPEN

        one.upstream.says = other.upstream.says = answer
        await asyncio.sleep(1)
        for _ in range(POLICY.closing_successes):
            await one.call()
            await asyncio.sleep(0.25)
        assert await other.call() == answer()
        assert other.guard.breaker.position is Position.CLOSED

        await asyncio.sleep(POLICY.evidence_s_max)
        one.guard.force_open()
        await asyncio.sleep(0)
        other.upstream.says = failing
        for _ in range(2):
            await other.fail()
        assert other.guard.breaker.position is Position.CLOSED
        await one.guard.aclose()
        await other.guard.aclose()

    simulated_time.run(main())


async def test_a_guard_brings_its_own_transport() -> None:
    """Without one given it makes its own, with the same policy."""
    guard = Guard("own", POLICY)
    assert isinstance(guard._transport, Transport)
    assert guard._transport.policy is POLICY
    await guard.aclose()


@simulated
async def test_a_refusal_is_said_in_the_same_words_for_a_moment(bench: Bench) -> None:
    """Who asks all the time can keep what it made of it; each is counted, and a move of the breaker is seen at once."""
    assert bench.guard.refusal() is None
    bench.guard.force_open()
    first = bench.guard.refusal()
    assert first is not None
    assert first.reason is Reason.HELD
    assert all(bench.guard.refusal() is first for _ in range(9))
    await asyncio.sleep(0.06)
    second = bench.guard.refusal()
    assert second is not first
    assert bench.counted("held") == 10
    bench.guard.unforce()
    assert bench.counted("held") == 11
    assert bench.guard.refusal() is None, "it was well before, so the next call is made"
    bench.guard.force_open()
    assert bench.guard.refusal() is not second
    await bench.guard.aclose()
    assert bench.counted("held") == 12
