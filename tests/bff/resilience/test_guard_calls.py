"""A guard with an origin that really fails: when its breaker opens, what passes, and how it heals."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bff.resilience.breaker import Position
from bff.resilience.deadline import Deadline
from bff.resilience.guard import Failure, Guard
from bff.resilience.message import Request, Response
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from tests.origin.server import Origin

# Short pauses, so that tests of healing are fast; long deadlines, except where a deadline is what fails.
POLICY = Policy(deadline_ms=4000, connect_ms=2000, open_ms_initial=200, open_ms_max=400, probe_gap_ms=20)
HASTY = replace(POLICY, deadline_ms=300)
HASTY_TO_CONNECT = replace(POLICY, connect_ms=100)
HEALED_S_MAX = 10.0


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin() as origin:
        yield origin


@pytest.fixture
async def guard(origin: Origin, request: pytest.FixtureRequest) -> AsyncIterator[Guard]:
    """A guard under POLICY, or under the test's own."""
    guard = Guard("origin", getattr(request, "param", POLICY), probe=Request("GET", origin.url + "/probe"))
    yield guard
    await guard.aclose()
    assert guard.bulkhead.in_flight == guard.breaker.permits_out == 0


async def call(guard: Guard, origin: Origin, method: str = "GET") -> Response | Failure:
    return await guard.call(Request(method, origin.url + "/"), Deadline.after_ms(time.monotonic(), 8000))


async def fail(guard: Guard, origin: Origin) -> Failure:
    ended = await call(guard, origin)
    assert isinstance(ended, Failure)
    return ended


LATE = {"silence": Reason.TIMEOUT, "body-dripped": Reason.TIMEOUT}
OPENS = {
    "refused": Reason.CONNECT,
    "short-body": Reason.CUT,
    "reset": Reason.CUT,
    "status=500": Reason.UPSTREAM_ERROR,
    "status=502": Reason.UPSTREAM_ERROR,
    "status=503": Reason.UPSTREAM_ERROR,
    "status=504": Reason.UPSTREAM_ERROR,
    "status=429": Reason.THROTTLED,
    "length-and-chunked": Reason.FRAMING,
    "garbage-status": Reason.FRAMING,
}


@pytest.mark.parametrize(
    ("guard", "fault", "reason"),
    [
        *(pytest.param(POLICY, fault, reason, id=fault) for fault, reason in OPENS.items()),
        *(pytest.param(HASTY, fault, reason, id=fault) for fault, reason in LATE.items()),
        pytest.param(HASTY_TO_CONNECT, "black-hole", Reason.CONNECT_TIMEOUT, id="black-hole"),
    ],
    indirect=["guard"],
)
async def test_a_failing_origin_opens_the_breaker_and_a_probe_closes_it(
    origin: Origin, guard: Guard, fault: str, reason: Reason
) -> None:
    """After few failures calls fail at once and reach nobody; when the fault ends it heals by itself."""
    await origin.fail(fault)
    reasons = []
    while guard.breaker.position is Position.CLOSED:
        reasons.append((await fail(guard, origin)).reason)
    assert set(reasons) == {reason}
    assert len(reasons) <= POLICY.consecutive_max

    began, calls = time.monotonic(), len([seen for seen in origin.seen if seen.path == "/"])
    for _ in range(20):
        assert (await fail(guard, origin)).reason is Reason.BREAKER_OPEN
    assert time.monotonic() - began < 20 * HASTY.deadline_ms / 1000 / 2
    assert len([seen for seen in origin.seen if seen.path == "/"]) == calls

    await origin.heal()
    healed = time.monotonic()
    while isinstance(await call(guard, origin), Failure):
        assert time.monotonic() - healed < HEALED_S_MAX
        await asyncio.sleep(0.02)
    assert isinstance(await call(guard, origin), Response)


SAYS = {
    "endless-body": Reason.OVERSIZE,
    "gzip-bomb": Reason.OVERSIZE,
    "giant-header": Reason.HEADERS_OVERSIZE,
    "bad-coding": Reason.ENCODING,
}


@pytest.mark.parametrize(("fault", "reason"), SAYS.items(), ids=SAYS)
async def test_one_path_that_says_what_is_refused_leaves_the_others_alone(
    origin: Origin, guard: Guard, fault: str, reason: Reason
) -> None:
    """It is asked for no more after few refusals, the others all the time; it heals by whoever asks next."""
    await origin.fail(fault, at="/big")

    async def ask(path: str) -> Response | Failure:
        return await guard.call(Request("GET", origin.url + path), Deadline.after_ms(time.monotonic(), 8000))

    for _ in range(POLICY.consecutive_max):
        refused = await ask("/big")
        assert isinstance(refused, Failure)
        assert refused.reason is reason
    sent = origin.requests
    for _ in range(3):
        refused = await ask("/big")
        assert isinstance(refused, Failure)
        assert (refused.reason, origin.requests) == (Reason.BREAKER_OPEN, sent)
    assert all([isinstance(await ask("/ok"), Response) for _ in range(10)])
    assert guard.breaker.position is Position.CLOSED
    await origin.heal()
    await asyncio.sleep(POLICY.open_ms_max / 1000)
    assert isinstance(await ask("/big"), Response)


@pytest.mark.parametrize("status", [404, 410, 401, 403, 422])
async def test_an_origin_that_says_no_is_well(origin: Origin, guard: Guard, status: int) -> None:
    """However often it does."""
    await origin.fail(f"status={status}")
    for _ in range(30):
        ended = await call(guard, origin)
        assert isinstance(ended, Response)
        assert ended.status == status
    assert guard.breaker.position is Position.CLOSED


async def test_an_origin_that_redirects_is_well(origin: Origin, guard: Guard) -> None:
    """It is not followed, and not held against it: it may redirect those only who are signed out."""
    await origin.fail("redirect")
    for _ in range(30):
        assert (await fail(guard, origin)).reason is Reason.REDIRECT
    assert guard.breaker.position is Position.CLOSED


PAUSES = {"seconds": 3000, "date": 4000, "negative": None, "past": None, "huge": 8000, "garbage": None}


@pytest.mark.parametrize(("kind", "pause_ms"), PAUSES.items(), ids=PAUSES)
async def test_retry_after_of_a_503_pauses_everybody(
    origin: Origin, guard: Guard, kind: str, pause_ms: int | None
) -> None:
    """Seconds, a date or a huge number, at most 8 s; what is negative, past or garbage asks for nothing."""
    await origin.fail(f"unavailable-until={kind}")
    retry_ms = (await fail(guard, origin)).retry_after_ms
    assert (retry_ms is None) == (pause_ms is None)
    if pause_ms is None or retry_ms is None:
        assert guard.breaker.position is Position.CLOSED
        return
    assert pause_ms - 1100 <= retry_ms <= pause_ms
    refused = await fail(guard, origin)
    assert refused.reason is Reason.BREAKER_OPEN
    assert refused.retry_after_ms is not None
    closing_ms = (POLICY.closing_successes_few - 1) * POLICY.probe_gap_ms
    assert retry_ms - 500 <= refused.retry_after_ms - closing_ms <= retry_ms


async def test_retry_after_of_a_429_is_told_to_its_caller(origin: Origin, guard: Guard) -> None:
    """It may be about one player, so the others go on."""
    await origin.fail("throttled-until=seconds")
    assert (await fail(guard, origin)).retry_after_ms == 3000
    await origin.heal()
    assert isinstance(await call(guard, origin), Response)


async def test_a_command_is_sent_once(origin: Origin, guard: Guard) -> None:
    """However it ends, nobody but the player sends it again."""
    for fault in ("closed", "reset", "status=503", "short-body"):
        origin.seen.clear()
        await origin.fail(fault)
        await call(guard, origin, "POST")
        assert [seen.method for seen in origin.seen] == ["POST"]


async def test_a_restarted_origin_fails_no_page(origin: Origin, guard: Guard) -> None:
    """A connection that was closed under a GET is made anew within the call."""
    for _ in range(3):  # no more than the retry budget allows
        assert isinstance(await call(guard, origin), Response)
        await origin.cut()
    assert isinstance(await call(guard, origin), Response)


IDLE_MS = 60
LANES = 12


@pytest.mark.parametrize(("method", "tries"), [("POST", 10), ("GET", POLICY.retry_budget_spare + 1)])
async def test_no_call_is_lost_on_a_connection_that_the_origin_had_closed_as_idle(
    origin: Origin, method: str, tries: int
) -> None:
    """120 commands while the end of the last one's connection is on its way: none is in doubt. A GET is made anew, on
    a connection that nobody used, within the budget of retries."""
    await origin.fail(f"closes-idle={IDLE_MS}")

    async def lane(number: int) -> list[Response | Failure]:
        guard = Guard(f"idle-{method}-{number}", POLICY)
        ended = []
        for _ in range(tries):
            ended.append(await call(guard, origin, method))
            await asyncio.sleep((IDLE_MS + number / 2) / 1000)
        await guard.aclose()
        return ended

    lanes = await asyncio.gather(*(lane(number) for number in range(LANES)))
    assert [each for ended in lanes for each in ended if not isinstance(each, Response)] == []


async def test_commands_share_no_connection_and_leave_none(origin: Origin, guard: Guard) -> None:
    """Each has one of its own, which ends with its answer; what only reads shares one."""
    for _ in range(3):
        await call(guard, origin, "POST")
    await asyncio.sleep(0.2)  # far less than an idle connection is kept
    assert origin.connections == 0
    for _ in range(3):
        await call(guard, origin)
    assert origin.connections == 1


async def test_a_burst_is_served_whole(origin: Origin) -> None:
    """64 at once, the others a moment later, and the origin never meets more; time is not what this is about."""
    guard = Guard("burst", Policy(deadline_ms=20_000, connect_ms=10_000))
    await origin.fail("slow=30")
    calls = (guard.call(Request("GET", origin.url), Deadline.after_ms(time.monotonic(), 20_000)) for _ in range(200))
    assert all(isinstance(each, Response) for each in await asyncio.gather(*calls))
    assert origin.in_flight_max <= guard.policy.in_flight_max
    await guard.aclose()


async def test_the_origin_learns_how_long_it_has(origin: Origin, guard: Guard) -> None:
    """What is left of the deadline, in milliseconds."""
    await call(guard, origin)
    (seen,) = origin.seen
    assert POLICY.deadline_ms / 2 < int(seen.headers["mullion-deadline-ms"]) <= POLICY.deadline_ms
