"""A team that asks one shell process gets the reports of all: sealed, bounded, and never waited for long."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest

from bff.resilience.redis_clients import AsyncClient
from shell.composition.fragment_log import LogLine
from shell.composition.fragment_report import FragmentReport, merged
from shell.composition.outcome_lines import OutcomeLine
from shell.fleet.fragment_reports import CHANNEL, FragmentReports, ReportsPolicy
from shell.fleet.redis_stores import connect
from tests.support.valkey_server import ValkeyServer

NOWHERE = "redis://127.0.0.1:1/0"
# Longer than a busy machine takes; with all answers there it does not wait so long.
PATIENT = ReportsPolicy(wait_ms=30_000)


def at(second: int) -> datetime:
    return datetime(2026, 3, 4, 9, 0, second, tzinfo=UTC)


def report(second: int, reason: str = "", breaker: str = "closed", **counts: int) -> FragmentReport:
    line = OutcomeLine(at(second), "votes", "1", "stable", "fallback", reason, "poll", "", 800)
    logged = LogLine(at(second), "warning", "action_failed", {"reason": reason})
    return FragmentReport(counts, "fallback", reason, "", at(second), breaker, [line], [logged])


EMPTY = FragmentReport({}, "", "", "", None, "", [], [])


def of_poll(own: FragmentReport) -> Callable[[str], FragmentReport]:
    return lambda fragment: own if fragment == "poll" else EMPTY


async def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


@asynccontextmanager
async def processes(
    url: str, *reports: FragmentReport, policy: ReportsPolicy = PATIENT, secrets: str = "kkk"
) -> AsyncIterator[list[FragmentReports]]:
    """One process for each report, all of them listening; each has a letter as its secret."""
    async with AsyncExitStack() as stack:
        made = []
        for number, own in enumerate(reports):
            client: AsyncClient = connect(url)
            stack.push_async_callback(client.aclose)
            of_process = {"process": f"p{number}", "secret": secrets[number] * 40}
            each = FragmentReports(url, client, **of_process, report=of_poll(own), policy=policy)
            each.start()
            stack.push_async_callback(each.stop)
            made.append(each)
        if url != NOWHERE:
            await until(lambda: all(each.listening for each in made))
        yield made


async def test_team_hears_of_every_process(valkey: ValkeyServer) -> None:
    """Its own first, the others as they answer, also of a fragment that one of them has not seen."""
    first, second, third = report(1, "cut", fresh=3), report(9, "timeout", fresh=1, fallback=2), report(5)
    async with processes(valkey.url, first, second, third) as (one, *_):
        found = await one.of("poll")
        assert found[0] == first
        assert sorted(found, key=lambda each: each.at or at(0)) == [first, third, second]
        assert await one.of("other") == [EMPTY] * 3


async def test_with_redis_away_a_process_speaks_for_itself() -> None:
    async with processes(NOWHERE, report(1)) as (one,):
        assert await one.of("poll") == [report(1)]


async def test_process_that_does_not_answer_is_not_waited_for(valkey: ValkeyServer) -> None:
    """It hears the question and hangs; so does whoever is in the middle of many."""
    policy = ReportsPolicy(wait_ms=200, in_flight_max=0)
    async with processes(valkey.url, report(1), report(2), policy=policy) as (one, _):
        began = time.monotonic()
        assert await one.of("poll") == [report(1)]
        assert time.monotonic() - began >= 0.2


async def test_what_no_shell_sealed_is_not_shown(valkey: ValkeyServer) -> None:
    """Nor what is too large; and a question that is none is answered by nobody."""
    policy = ReportsPolicy(wait_ms=500)
    async with processes(valkey.url, report(1), report(2), policy=policy, secrets="kx") as (one, other):
        assert await one.of("poll") == [report(1)]
        for question in (b"\xc1", msgspec.msgpack.encode(["../key", "p9", "poll"])):
            await one._client.publish(CHANNEL, question)
        assert await other.of("poll") == [report(2)]
        assert [key async for key in one._client.scan_iter("*key*")] == []
    small = ReportsPolicy(wait_ms=500, answer_bytes_max=10)
    async with processes(valkey.url, report(1), report(2), policy=small) as (one, _):
        assert await one.of("poll") == [report(1)]


async def test_answer_in_another_shape_is_left_out(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a shell of another release would give it."""
    async with processes(valkey.url, report(1), report(2), policy=ReportsPolicy(wait_ms=500)) as (one, other):
        monkeypatch.setattr(other, "_report", lambda fragment: {"counts": "many"})
        assert await one.of("poll") == [report(1)]


async def test_redis_that_goes_meanwhile_leaves_a_process_its_own(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with processes(valkey.url, report(1), report(2), policy=ReportsPolicy(wait_ms=300)) as (one, other):

        async def gone(*_: object) -> list[bytes]:
            raise ConnectionResetError

        def nothing(**_: object) -> None:
            raise ConnectionResetError

        monkeypatch.setattr(one._client, "lrange", gone)
        monkeypatch.setattr(other._client, "pipeline", nothing)
        assert await one.of("poll") == [report(1)]


def test_reports_of_several_processes_are_one() -> None:
    """Counts add up, the newest speaks, lines stand by their time, and breakers that differ are counted."""
    whole = merged([report(1, "cut", fresh=3), EMPTY, report(9, "timeout", "open", fresh=1, fallback=2)])
    assert (whole.counts, whole.reason, whole.at) == ({"fresh": 4, "fallback": 2}, "timeout", at(9))
    assert whole.breaker == "closed in 1 of 2, open in 1 of 2"
    assert [line.reason for line in whole.lines] == ["timeout", "cut"]
    assert [line.fields["reason"] for line in whole.log] == ["timeout", "cut"]
    assert merged([report(1), report(2)]).breaker == "closed"
    assert merged([EMPTY]) == EMPTY
