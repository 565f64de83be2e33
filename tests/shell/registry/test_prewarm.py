"""Functions are warmed before pages need them: after a publish, for a trial, and on a schedule."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import MappingProxyType, SimpleNamespace
from typing import Any

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from structlog.testing import capture_logs

from bff.contracts.manifest import parse
from bff.resilience.evidence import InMemoryLease, OwnLease
from bff.resilience.policy import Policy
from shell.composition.include import Include
from shell.composition.page import Page, Slot, Visit
from shell.composition.probe_targets import ProbeTargets
from shell.composition.release import Canary, Release, Role, Snapshot, WarmUp
from shell.composition.upstreams import Upstreams
from shell.operations.status import _warmed
from shell.registry import models
from shell.registry.prewarm import Prewarmer, PrewarmPolicy, due
from shell.registry.warm_ups import coming_warm_ups
from tests.origin.publishing import FALLBACK, manifest
from tests.support.resilience_fakes import FakeUpstream
from tests.support.simulated_time import run

EIGHT = datetime(2036, 7, 19, 20, tzinfo=UTC)
FINAL = WarmUp("wallet", EIGHT, 5, 10, "the final")


def release(kind: str = "function", *, role: Role = Role.STABLE, digest: str = "a" * 64) -> Release:
    described = parse(msgspec.json.encode(manifest(kind=kind, isolation="shadow") | {"name": "wallet"}))
    return Release("wallet", digest, described, "http://f.test/manifest.json", FALLBACK, (), (), role=role)


def snapshot(live: Release, canary: Release | None = None, **more: Any) -> Snapshot:
    canaries = {"wallet": Canary(canary, 100, b"salt")} if canary else {}
    return Snapshot(1, MappingProxyType({"wallet": live}), canaries=MappingProxyType(canaries), **more)


class Process:
    """The warming of one shell process, with one function."""

    def __init__(self, lease: Any = None) -> None:
        self.function = FakeUpstream(took_ms=1500)
        clock = asyncio.get_running_loop().time
        self.upstreams = Upstreams(policy=Policy(), connect=lambda policy: self.function, clock=clock)
        self.now = EIGHT - timedelta(minutes=11)
        self.prewarmer = Prewarmer(
            self.upstreams, self._targets, lease or OwnLease(), PrewarmPolicy(), clock=clock, now=lambda: self.now
        )

    def _targets(self, release: Release) -> ProbeTargets:
        visit = Visit(Page("probe", "/", ""), {}, "en", "en", "EUR", "http://testserver")
        return ProbeTargets(Include(Slot("probe", release.fragment), visit, release))

    async def follow(self, *snapshots: Snapshot) -> int:
        """How many warming requests the change caused."""
        for each in snapshots:
            self.prewarmer.follow(each)
        await self.prewarmer.settle()
        sent = len(self.function.requests)
        self.function.requests.clear()
        return sent

    async def aclose(self) -> None:
        await self.prewarmer.stop()
        await self.upstreams.aclose()


@pytest.mark.quick
def test_new_release_and_new_trial_are_warmed_and_what_was_there_is_not() -> None:
    """A service is never warmed; a shell that starts does not repeat another's warming; a held
    fragment is left alone.
    """

    async def main() -> None:
        process = Process()
        assert await process.follow(snapshot(release())) == 0
        with capture_logs() as lines:
            assert await process.follow(snapshot(release(digest="b" * 64))) == 2
        assert [(each["why"], each["answered"], each["ms"]) for each in lines if "why" in each] == [("live", 2, 1500)]
        assert process.function.in_flight_max == 2, "at once, or one environment would answer both"
        trial = release(role=Role.CANARY, digest="c" * 64)
        assert await process.follow(snapshot(release(digest="b" * 64), trial)) == 2
        assert process.prewarmer.records["wallet"].why == "on trial"
        assert await process.follow(snapshot(release("service", digest="d" * 64))) == 0
        held = release(digest="e" * 64)
        process.upstreams.of(held).force_open("no")
        assert await process.follow(snapshot(held)) == 0
        await process.aclose()

    run(main())


@pytest.mark.quick
def test_calendar_warms_before_the_moment_again_and_again_and_not_after_it() -> None:
    async def main() -> None:
        process = Process()
        await process.follow(snapshot(release(), warm_ups=(FINAL,)))
        process.prewarmer.start()
        process.prewarmer.start()
        found = []
        for _ in range(12):
            process.now += timedelta(minutes=1)
            await asyncio.sleep(60)
            found.append(len(process.function.requests))
        assert found == [5, 5, 10, 10, 15, 15, 20, 20, 25, 25, 25, 25]
        assert process.prewarmer.records["wallet"].why == "the final"
        await process.aclose()

    run(main())


@pytest.mark.quick
def test_one_process_of_all_warms_and_one_that_ends_stops() -> None:
    async def main() -> None:
        lease = InMemoryLease(asyncio.get_running_loop().time)
        first, second = Process(lease), Process(lease)
        for each in (first, second):
            await each.follow(snapshot(release()))
        new = snapshot(release(digest="b" * 64))
        assert [await first.follow(new), await second.follow(new)] == [2, 0]
        first.prewarmer.follow(snapshot(release(digest="c" * 64)))
        await asyncio.sleep(0.1)
        await first.aclose()
        await second.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


@pytest.mark.quick
def test_due_is_decided_from_values_alone() -> None:
    begins = EIGHT - timedelta(minutes=10)
    second = timedelta(seconds=1)
    assert [bool(due((FINAL,), {}, at, 120)) for at in (begins - second, begins, EIGHT - second, EIGHT)] == [
        False,
        True,
        True,
        False,
    ]
    assert due((FINAL,), {FINAL: begins}, begins + 119 * second, 120) == []


@pytest.mark.quick
def test_board_says_what_was_warmed_and_what_is_planned() -> None:
    async def main() -> None:
        process = Process()
        await process.follow(snapshot(release()), snapshot(release(digest="b" * 64)))
        shell: Any = SimpleNamespace(
            prewarmer=process.prewarmer,
            registry=SimpleNamespace(current=snapshot(release(), warm_ups=(FINAL, replace(FINAL, fragment="other")))),
        )
        assert _warmed(shell, "wallet") == (
            "2 of 2 warmed at 19:49:00: live; 5 from 2036-07-19 19:50 UTC, for the final at 20:00"
        )
        assert _warmed(shell, "nobody") == ""
        await process.aclose()

    run(main())


@pytest.mark.django_db(transaction=True)
async def test_operator_plans_a_final_and_takes_it_back() -> None:
    """Planning and cancelling are audited and followed by running shells; an impossible plan is refused with the
    reason.
    """
    row = {"version": "1", "digest": "a" * 64, "manifest_url": "http://f.test/m", "manifest": b"{}", "fallback": b""}
    made = await models.Release.objects.acreate(fragment="wallet", **row)
    await models.LiveRelease.objects.acreate(fragment="wallet", release=made)

    async def command(*words: str) -> str:
        out = StringIO()
        await sync_to_async(call_command)("fragment", "warm", *words, stdout=out)
        return out.getvalue().strip()

    planned = "wallet: 50 environments warm from 2036-07-19 19:50 until 20:00 UTC, for the final"
    final = ("wallet", "--at", "2036-07-19T22:00+02:00", "--environments", "50", "--why", "the final")
    assert await command("wallet") == "nothing is planned for wallet"
    assert await command(*final) == planned
    assert await command(*final) == f"unchanged: {planned}"
    assert await command("wallet") == planned
    assert [each.environments for each in await sync_to_async(coming_warm_ups)(EIGHT - timedelta(days=1))] == [50]
    assert await sync_to_async(coming_warm_ups)(EIGHT) == ()
    entries = [entry.detail async for entry in models.AuditEntry.objects.filter(action="warm_up", changes_pages=True)]
    assert entries == ["50 from 2036-07-19 19:50: the final"]
    for words, sentence in (
        (("--at", "2036-07-19T20:00Z", "--environments", "0"), "between 1 and 1000"),
        (("--at", "2036-07-19T20:00Z", "--minutes-before", "121"), "between 1 and 120"),
        (("--at", "2020-07-19T20:00Z"), "is over"),
        (("--at", "2036-07-19T20:00Z", "--why", "a\nb"), "one line"),
        (("--at", "tonight"), "is no moment"),
        (("--at", "2036-07-19T20:00"), "has no zone"),
    ):
        with pytest.raises(CommandError, match=sentence):
            await command("wallet", *words)
    with pytest.raises(CommandError, match="no release of nobody is live"):
        await command("nobody", "--at", "2036-07-19T20:00Z")
    await models.WarmUp.objects.abulk_create(
        models.WarmUp(fragment=str(each), at=EIGHT, environments=1, minutes_before=1, actor="a") for each in range(199)
    )
    with pytest.raises(CommandError, match="200 are planned already"):
        await command("wallet", "--at", "2036-07-20T20:00Z")
    assert (
        await command("wallet", "--at", "2036-07-19T20:00Z", "--cancel") == "cancelled wallet at 2036-07-19 20:00 UTC"
    )
    assert await command("wallet", "--at", "2036-07-19T20:00Z", "--cancel") == "unchanged: nothing is planned for then"
