"""An operator's hold: every shell process follows it, also one that starts later, for pages and for forms."""

import asyncio
import time
from collections.abc import Callable
from io import StringIO

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command

from bff.resilience.breaker import Position
from bff.resilience.deadline import Deadline
from bff.resilience.guard import Guard
from bff.resilience.message import Request, Response
from shell.composition.include import Include
from shell.composition.page import Page, Slot, Visit
from shell.composition.probe_targets import ProbeTargets
from shell.composition.release import Release, Snapshot
from shell.composition.upstreams import Upstreams
from shell.registry import models
from shell.registry.hold_enforcer import HoldEnforcer
from shell.registry.origins import Origins
from shell.registry.publish import publish
from shell.registry.snapshot_loader import Holds
from shell.registry.snapshot_poller import SnapshotPoller
from tests.origin.server import Origin

pytestmark = pytest.mark.django_db(transaction=True)
FOLLOWED_S_MAX = 10  # what is promised is a second; a busy machine gets many


def _probe_targets(release: Release) -> ProbeTargets:
    visit = Visit(Page("probe", "/", ""), {}, "en", "en", "EUR", "http://testserver")
    return ProbeTargets(Include(Slot("probe", release.fragment), visit, release))


class Process:
    """The registry's poller of one shell process."""

    def __init__(self) -> None:
        self.upstreams = Upstreams(_probe_targets)
        self.holding = HoldEnforcer(self.upstreams)
        self.poller = SnapshotPoller(self.follow)

    def follow(self, snapshot: Snapshot, holds: Holds) -> None:
        self.upstreams.retain(snapshot)
        self.holding.follow(snapshot, holds)

    async def __aenter__(self) -> "Process":
        await self.poller.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.poller.stop()
        await self.upstreams.aclose()

    @property
    def doors(self) -> tuple[Guard, Guard]:
        release = self.poller.current.releases["origin"]
        return self.upstreams.of(release), self.upstreams.actions_of(release)

    def held(self) -> list[str]:
        """The refusals of the page's door and of the form's door."""
        refusals = [guard.refusal() for guard in self.doors]
        return [f"{failure.reason}: {failure.detail}" for failure in refusals if failure is not None]


async def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + FOLLOWED_S_MAX
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def fragment(*arguments: str) -> str:
    """The output of `manage.py fragment`."""
    output = StringIO()
    await sync_to_async(call_command)("fragment", *arguments, stdout=output)
    return output.getvalue()


async def published(origin: Origin) -> str:
    done = await publish(f"{origin.url}/manifest.json", origins=Origins([], loopback=True), actor="tests")
    return done.digest


async def test_every_process_follows_a_hold_also_one_that_starts_later() -> None:
    """Pages and forms are refused within a second with the reason, and stay so whatever is published."""
    async with Origin() as origin:
        await published(origin)
        async with Process() as one, Process() as other:
            assert "held origin" in await fragment("hold", "origin", "--reason", "wrong  balances, INC-41")
            why = "held: held by an operator: wrong balances, INC-41"
            for process in (one, other):
                await until(lambda process=process: process.held() == [why, why])
            async with Process() as later:
                assert later.held() == [why, why], "from its first page on"
            await origin.fail("odd-manifest=changing", at="/manifest.json")
            newer = await published(origin)
            await until(lambda: one.poller.current.releases["origin"].digest == newer)
            assert one.held() == [why, why]
            await fragment("hold", "origin", "--reason", "worse")
            await until(lambda: one.held() == ["held: held by an operator: worse"] * 2)


async def test_letting_go_opens_every_door_at_once() -> None:
    """No request reached the fragment while it was held; after the release the first page and form do."""
    async with Origin() as origin:
        await published(origin)
        await fragment("hold", "origin", "--reason", "drill")
        async with Process() as process:
            before = origin.requests
            content, actions = process.doors
            for _ in range(5):
                await content.call(Request("GET", f"{origin.url}/"), Deadline.after_ms(time.monotonic(), 800))
            assert origin.requests == before
            assert "resumed origin, held by" in await fragment("resume", "origin")
            await until(lambda: process.held() == [])
            for door in (content, actions):
                assert door.breaker.position is Position.CLOSED
                answer = await door.call(Request("GET", f"{origin.url}/"), Deadline.after_ms(time.monotonic(), 800))
                assert isinstance(answer, Response)
            assert origin.requests == before + 2


async def test_each_change_is_audited_with_its_reason() -> None:
    """The audit has the operator, the change and the reason; a change without effect is not written."""
    async with Origin() as origin:
        await published(origin)
    for words in ("one", "one", "two"):
        await fragment("hold", "origin", "--reason", words)
    await fragment("resume", "origin")
    assert "it was not held" in await fragment("resume", "origin")
    entries = [entry async for entry in models.AuditEntry.objects.order_by("id")]
    assert [(entry.action, entry.detail.rpartition(": ")[2]) for entry in entries] == [
        ("published", ""),
        ("held", "one"),
        ("held", "two"),
        ("resumed", "two"),
    ]
    assert all(entry.actor and entry.release_id for entry in entries)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("hold", "walet", "--reason", "a slip of the pen"), "Live: origin"),
        (("resume", "walet"), "Live: origin"),
        (("hold", "origin", "--reason", " "), "1 to 200 characters"),
        (("hold", "origin", "--reason", "x" * 201), "1 to 200 characters"),
        (("hold", "origin"), "--reason"),
    ],
)
async def test_hold_that_makes_no_sense_changes_nothing(arguments: tuple[str, ...], words: str) -> None:
    """The message lists the fragments that there are."""
    async with Origin() as origin:
        await published(origin)
    with pytest.raises(CommandError, match=words):
        await fragment(*arguments)
    assert await models.AuditEntry.objects.acount() == 1
    assert not await models.Hold.objects.aexists()
