"""A fragment that is a function: a page waits for a warm one, and goes out without a cold one."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from bff.contracts.manifest import parse
from bff.resilience.breaker import Position
from bff.resilience.deadline import Deadline
from bff.resilience.message import CallFailed, Headers, Request, Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from shell.composition.function_calls import FunctionCalls
from shell.composition.include import Include
from shell.composition.includer import Includer
from shell.composition.ladder import Included
from shell.composition.page import Page, Slot, Visit
from shell.composition.release import Canary, Release, Role, Snapshot, Trust
from shell.composition.upstreams import Upstreams
from shell.composition.warm_times import FunctionPolicy, WarmTimes
from shell.registry.tallies import ReleaseTally
from tests.origin.publishing import FALLBACK, manifest
from tests.support.simulated_time import run

pytestmark = pytest.mark.quick

COLD_MS_MAX = 3000
PAGE_MS = 1000
WARM_MS, COLD_MS = 20, 1500
SLOT = Slot("wallet", "wallet", "/summary")
PAGE = Page("lobby", "/", "lobby.html", (SLOT,))
HEADERS = Headers((("content-type", "text/html"), ("podlet-version", "1.0.0")))


class Function:
    """A platform: each call takes the next of `took_ms` (the last one repeats); records for whom it was."""

    def __init__(self, *took_ms: float) -> None:
        self.took_ms = [*took_ms]
        self.requests: list[Request] = []
        self.status = 200
        self.in_flight = 0

    async def send(self, request: Request, deadline: Deadline) -> Response:
        loop = asyncio.get_running_loop()
        took_ms = self.took_ms.pop(0) if len(self.took_ms) > 1 else self.took_ms[0]
        self.requests.append(request)
        self.in_flight += 1
        try:
            await asyncio.sleep(min(took_ms, deadline.remaining_ms(loop.time())) / 1000)
        finally:
            self.in_flight -= 1
        if deadline.remaining_ms(loop.time()) <= 0:
            raise CallFailed(Reason.TIMEOUT, "no answer in time")
        whose = dict(request.headers).get("authorization", "nobody")
        return Response(self.status, HEADERS, f"<p>answer {len(self.requests)} for {whose}</p>".encode())

    async def aclose(self) -> None:
        """Nothing to close."""


class Shell:
    """One shell process with one function."""

    def __init__(self, function: Function, **extension: object) -> None:
        self.function = function
        self.clock = asyncio.get_running_loop().time
        self.seen: list[Included] = []
        self.tally = ReleaseTally(lambda: self.snapshot)
        self.upstreams = Upstreams(policy=Policy(), connect=lambda policy: function, clock=self.clock)
        self.includer = Includer(self.upstreams, lambda visit, *_: visit.player, watch=self._watch, clock=self.clock)
        declared = {"kind": "function", "cold_ms_max": COLD_MS_MAX, "deadline_ms": 800, "isolation": "shadow"}
        described = parse(msgspec.json.encode(manifest(**(declared | extension)) | {"name": "wallet"}))
        self.release = Release(
            "wallet", "d" * 64, described, "http://f.test/manifest.json", FALLBACK, (), (), trust=Trust.FIRST_PARTY
        )
        trial = msgspec.structs.replace(described, version="2.0.0")
        canary = Release("wallet", "e" * 64, trial, "http://f.test/manifest.json", FALLBACK, (), (), role=Role.CANARY)
        self.snapshot = Snapshot(
            1,
            MappingProxyType({"wallet": self.release}),
            canaries=MappingProxyType({"wallet": Canary(canary, 5000, b"salt")}),
        )

    def _watch(self, included: Included) -> None:
        self.seen.append(included)
        self.tally.note(included)

    async def page(self, player: str = "pl_one", **more: Any) -> tuple[Included, float]:
        """(the slot's state and reason, milliseconds)."""
        visit = Visit(PAGE, {}, "en", "en-GB", "EUR", "http://shell.test", player=player, **more)
        began = self.clock()
        deadline = Deadline.after_ms(began, PAGE_MS)
        included = await self.includer.include(Include(SLOT, visit, self.release), deadline)
        return included, round((self.clock() - began) * 1000)

    async def warmed(self, pages: int = 25) -> "Shell":
        for _ in range(pages):
            await self.page("")
        return self

    @property
    def guard(self) -> Any:
        return self.upstreams.of(self.release)

    async def aclose(self) -> None:
        await self.includer.aclose()
        await self.upstreams.aclose()


def simulated(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def on_simulated_time() -> None:
        run(test())

    on_simulated_time.__name__, on_simulated_time.__doc__ = test.__name__, test.__doc__
    return on_simulated_time


@simulated
async def test_page_that_meets_a_cold_function_takes_no_longer_than_one_that_meets_a_warm_one() -> None:
    """It waits the learned 99th percentile, shows the last good copy, and the next page has the cold call's answer."""
    shell = Shell(Function(WARM_MS), stale_s_max=60)
    chance = random.Random(7)
    shell.function.took_ms = [chance.uniform(90, 110) for _ in range(100)]
    warm = [(await shell.page())[1] for _ in range(100)]
    shell.function.took_ms = [COLD_MS, WARM_MS]
    cold, took_ms = await shell.page()
    call = len(shell.function.requests)
    assert (cold.state, cold.reason, cold.upstream) == ("stale", "cold", "")
    assert took_ms <= sorted(warm)[-1]
    await asyncio.sleep(COLD_MS / 1000)
    shell.function.status = 500
    healed, _ = await shell.page()
    assert f"answer {call} for".encode() in healed.html, "the answer of the cold call is the last good one"
    await shell.aclose()


@simulated
async def test_cold_function_without_a_copy_shows_its_fallback_and_heals() -> None:
    """Before anything is learned the page waits the prior; afterwards the floor, not the cold start."""
    shell = Shell(Function(COLD_MS, WARM_MS))
    first, took_ms = await shell.page("")
    assert (first.state, first.reason, took_ms) == ("fallback", "cold", 400)
    assert b"away" in first.html
    await asyncio.sleep(2)
    assert (await shell.page(""))[0].state == "fresh"
    await shell.warmed()
    shell.function.took_ms = [COLD_MS]
    assert (await shell.page(""))[1] == FunctionPolicy().wait_ms_min
    await shell.aclose()


@simulated
async def test_cold_start_trips_no_breaker_and_counts_against_no_release_and_a_time_out_does() -> None:
    """An outcome of its own in log and metric; what does not come within `cold_ms_max` counts for both."""
    labels = {"fragment": "wallet", "start": "cold"}
    before = REGISTRY.get_sample_value("mullion_function_calls_total", labels) or 0
    shell = await Shell(Function(WARM_MS)).warmed()
    shell.tally.take()
    shell.function.took_ms = [COLD_MS]
    for player in range(30):
        assert (await shell.page(f"pl_{player}"))[0].reason == "cold"
    await asyncio.sleep(3)
    assert shell.guard.breaker.position is Position.CLOSED
    assert shell.tally.take() == {}
    assert REGISTRY.get_sample_value("mullion_function_calls_total", labels) == before + 30
    assert shell.includer.functions.record("wallet").cold == 30
    shell.function.took_ms = [COLD_MS_MAX + 1]
    await asyncio.gather(*(shell.page(f"pl_{player}") for player in range(5)))
    assert shell.guard.breaker.position is Position.CLOSED, "nothing is known yet"
    await asyncio.sleep(COLD_MS_MAX / 1000 + 0.1)
    assert shell.guard.breaker.position is Position.OPEN
    (counted,) = shell.tally.take().values()
    assert (counted.total, counted.failed) == (5, 5)
    assert shell.seen[-1].reason == "timeout"
    await shell.aclose()


@simulated
async def test_nobody_gets_anothers_answer_and_a_players_second_look_joins_the_first() -> None:
    """A crowd of players before a cold function: each has a call of their own, and two looks of one player have one."""
    shell = Shell(Function(COLD_MS, COLD_MS, WARM_MS), stale_s_max=60)
    await asyncio.gather(shell.page("pl_one"), shell.page("pl_two"), shell.page("pl_one"))
    assert len(shell.function.requests) == 2
    insisting, _ = await shell.page("pl_one", min_sequence="e1:7")
    assert insisting.state == "fresh", "what has to be newer is asked for alone"
    await asyncio.sleep(2)
    shell.function.status = 500
    for player in ("pl_one", "pl_two"):
        shown, _ = await shell.page(player)
        assert (shown.state, f"for Bearer {player}".encode() in shown.html) == ("stale", True)
    assert (await shell.page("pl_three"))[0].state == "fallback"
    await shell.aclose()


@simulated
async def test_anonymous_crowd_before_a_cold_function_is_one_call() -> None:
    shell = Shell(Function(COLD_MS, WARM_MS), audience="shared")
    found = await asyncio.gather(*(shell.page("") for _ in range(50)))
    assert {each.reason for each, _ in found} == {Reason.COLD}
    assert len(shell.function.requests) == 1
    await shell.aclose()


@simulated
async def test_calls_at_once_are_capped_and_each_gives_its_place_back() -> None:
    """`concurrency_max` is the manifest's; pages that have gone leave nothing behind."""
    shell = Shell(Function(COLD_MS), concurrency_max=3)
    pages = [asyncio.create_task(shell.page(f"pl_{player}")) for player in range(10)]
    await asyncio.sleep(0.1)
    assert (shell.function.in_flight, shell.guard.bulkhead.waiting) == (3, 7)
    for page in pages[:2]:
        page.cancel()
    await asyncio.gather(*pages, return_exceptions=True)
    await asyncio.sleep(10)
    assert (shell.guard.bulkhead.in_flight, shell.guard.bulkhead.waiting, shell.function.in_flight) == (0, 0, 0)
    await shell.aclose()


@simulated
async def test_shell_that_ends_waits_for_no_cold_start() -> None:
    """What is under way is given a page's time, and then cancelled; permits and places are settled."""
    shell = Shell(Function(COLD_MS_MAX))
    page = asyncio.create_task(shell.page())
    await asyncio.sleep(0.1)
    began, guard = shell.clock(), shell.guard
    await shell.aclose()
    assert shell.clock() - began == pytest.approx(0.8)
    assert (guard.bulkhead.in_flight, guard.breaker.position) == (0, Position.CLOSED)
    assert (await page)[0].reason in ("cold", "internal")


@simulated
async def test_function_whose_warm_answers_come_too_late_counts_as_one_that_times_out() -> None:
    """A release that is slow is not excused as cold for ever."""
    shell = await Shell(Function(WARM_MS)).warmed()
    shell.tally.take()
    shell.function.took_ms = [900]
    for _ in range(8):
        await shell.page("")
        await asyncio.sleep(1)
    (counted,) = shell.tally.take().values()
    assert counted.failed >= 3
    assert shell.seen[-1].reason == "timeout"
    await shell.aclose()


@simulated
async def test_throttling_has_its_reason_at_once() -> None:
    shell = await Shell(Function(WARM_MS)).warmed()
    shell.function.status = 429
    throttled, took_ms = await shell.page("")
    assert (throttled.reason, took_ms) == ("throttled", WARM_MS)
    await shell.aclose()


@simulated
async def test_call_that_fails_while_its_page_looks_for_a_copy_counts_once() -> None:
    """The page has given the call up and is not through: nobody but the page can tell of it."""
    shell, reported = Shell(Function(COLD_MS)), []
    calls = FunctionCalls(lambda include, failure, ms: reported.append(failure.reason), shell.clock)
    visit = Visit(PAGE, {}, "en", "en-GB", "EUR", "http://shell.test", player="pl_one")
    call = calls.begin(Include(SLOT, visit, shell.release), Deadline.after_ms(shell.clock(), PAGE_MS), Policy())

    async def fails(include: Include, deadline: Deadline) -> Failure:
        return Failure(Reason.UPSTREAM_ERROR)

    await call.fetch(fails)
    assert reported == [], "its page may still show it"
    call.leave(Reason.COLD)
    assert reported == [Reason.UPSTREAM_ERROR]
    await shell.aclose()


POLICY = FunctionPolicy()


def learned(*took_ms: float, key: str = "a") -> WarmTimes:
    times = WarmTimes(POLICY)
    at = 0.0
    for each in took_ms:
        times.answered(key, began=at, now=at + each / 1000)
        at += 10
    return times


def test_wait_is_the_percentile_of_warm_answers_and_a_cold_one_teaches_nothing() -> None:
    times = learned(*range(100, 300))
    assert times.wait_ms("a") == pytest.approx(297)
    assert not times.answered("a", began=9e3, now=9e3 + 1.5)
    assert times.wait_ms("a") == pytest.approx(297)
    assert times.answered("a", began=9e3, now=9e3 + 0.5), "what is a little late is warm"
    assert times.wait_ms("b") == POLICY.wait_ms_prior


def test_function_that_has_become_slower_is_learned_and_a_wave_of_cold_starts_is_not() -> None:
    times = learned(*[20.0] * 30)
    assert not any(times.answered("a", began=1000, now=1001.5) for _ in range(50)), "all of one wave"
    slow = [times.answered("a", began=2000 + 2 * each, now=2001.5 + 2 * each) for each in range(4)]
    assert slow == [False, False, False, True]
    assert times.wait_ms("a") == pytest.approx(1500)
    early = learned(*[600.0] * 5, 20.0)
    assert early.wait_ms("a") == pytest.approx(600), "one fast answer does not undo what five said"


def test_what_is_learned_is_bounded() -> None:
    times = WarmTimes(FunctionPolicy(keys_max=2))
    for key in "abca":
        times.answered(key, began=0, now=0.6)
    assert len(times) == 2
