"""A version that nobody published is reported, and is published automatically only for fragments
that operators follow.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from bff.resilience.deadline import Deadline
from shell.composition.include import Include
from shell.composition.includer import Includer
from shell.composition.ladder import Included
from shell.composition.page import Page, Slot, Visit
from shell.composition.upstreams import Upstreams
from shell.composition.wrap import Wrapper
from shell.registry import models
from shell.registry.follow import Attempt, Follower, FollowPolicy, is_due
from shell.registry.origins import Origins
from shell.registry.publish import Published, publish
from shell.registry.snapshot_poller import SnapshotPoller
from shell.registry.steps import StepsRefused
from tests.support.podium.rig import Podium, Started

pytestmark = pytest.mark.django_db(transaction=True)
LOOPBACK = Origins([], loopback=True)
MORNING = datetime(2026, 3, 4, 9, tzinfo=UTC)
POLICY = FollowPolicy(interval_s=60, interval_s_max=600)


@pytest.mark.parametrize(
    ("attempt", "version", "after_s", "due"),
    [
        (Attempt(), "2", 0, True),
        (Attempt(MORNING, "2", 1), "2", 59, False),
        (Attempt(MORNING, "2", 1), "2", 60, True),
        (Attempt(MORNING, "2", 3), "2", 239, False),
        (Attempt(MORNING, "2", 3), "2", 240, True),
        (Attempt(MORNING, "2", 1000), "2", 600, True),
        (Attempt(MORNING, "2", 1000), "3", 59, False),
        (Attempt(MORNING, "2", 1000), "3", 60, True),
    ],
)
def test_version_is_tried_more_and_more_rarely_and_another_after_a_minute(
    attempt: Attempt, version: str, after_s: int, due: bool
) -> None:
    """An origin can cause at most one publish a minute."""
    assert is_due(POLICY, attempt, version, MORNING + timedelta(seconds=after_s)) is due


class Shell:
    """One shell's includes of one fragment, on a clock that the test moves."""

    def __init__(self, started: Started, policy: FollowPolicy = POLICY) -> None:
        self._started = started
        self._policy = policy
        self.now = MORNING
        self.published: list[Published] = []
        self.follower = Follower(self._publish, policy, clock=lambda: self.now.timestamp(), now=lambda: self.now)
        self._poller = SnapshotPoller()

    async def _publish(self, manifest_url: str) -> Published:
        done = await publish(manifest_url, origins=LOOPBACK, actor="follow", trial=self._policy.trial)
        self.published.append(done)
        return done

    async def visit(self) -> tuple[Included, str]:
        """(what the slot shows, its element), after all background work has ended."""
        await self._poller.refresh()
        upstreams = Upstreams()
        includer = Includer(upstreams, lambda *_: "", watch=self.follower.note)
        slot = Slot("moving", "moving")
        visit = Visit(Page("lobby", "/", "lobby.html", (slot,)), {}, "en", "en-GB", "EUR", "http://localhost")
        include = Include(slot, visit, self._poller.current.releases["moving"])
        included = await includer.include(include, Deadline.after_ms(asyncio.get_running_loop().time(), 3000))
        await self.follower.settle()
        await upstreams.aclose()
        return included, Wrapper().wrap(included, include).decode()


async def fragment(*arguments: str) -> str:
    output = StringIO()
    await sync_to_async(call_command)("fragment", *arguments, stdout=output)
    return output.getvalue()


async def moving(podium: Podium) -> tuple[Started, Shell]:
    """A podlet whose version 1.0.0 is live and whose origin changes its version."""
    [started] = podium.start({"name": "moving"})
    await publish(started.manifest_url, origins=LOOPBACK, actor="tests")
    return started, Shell(started)


async def test_version_that_nobody_published_is_seen_in_page_metric_and_log(podium: Podium) -> None:
    """The page shows the origin's answer; nothing is published."""
    started, shell = await moving(podium)
    included, html = await shell.visit()
    assert (included.version_seen, "data-version-seen" in html) == ("", False)
    podium.change(started, version='2.0.0-"x"')
    before = REGISTRY.get_sample_value("mullion_version_skew_total", {"fragment": "moving"}) or 0
    with capture_logs() as logs:
        included, html = await shell.visit()
        await shell.visit()
    assert (included.state, included.version, included.version_seen) == ("fresh", "1.0.0", '2.0.0-"x"')
    assert 'data-version="1.0.0" data-version-seen="2.0.0-&quot;x&quot;"' in html
    assert REGISTRY.get_sample_value("mullion_version_skew_total", {"fragment": "moving"}) == before + 2
    [line] = [entry for entry in logs if entry["event"] == "version_skew"]
    assert (line["fragment"], line["version"], line["version_seen"]) == ("moving", "1.0.0", '2.0.0-"x"')
    assert shell.published == []


async def test_followed_fragment_is_published_by_itself_once(podium: Podium) -> None:
    """One of all shells publishes it, with all checks, and the next page uses it."""
    started, shell = await moving(podium)
    assert "moving is followed" in await fragment("follow", "moving", "on")
    assert "unchanged" in await fragment("follow", "moving", "on")
    podium.change(started, version="2.0.0")
    other = Shell(started)
    await asyncio.gather(shell.visit(), other.visit())
    assert [done.version for done in [*shell.published, *other.published]] == ["2.0.0"]
    included, _ = await shell.visit()
    assert (included.version, included.version_seen) == ("2.0.0", "")
    actions = [(entry.actor, entry.action) async for entry in models.AuditEntry.objects.order_by("id")]
    assert actions[-1] == ("follow", "published")
    assert "moving is not followed" in await fragment("follow", "moving", "off")


async def test_followed_version_begins_as_a_trial_where_operators_say_in_which_steps(podium: Podium) -> None:
    """A share of visitors gets it, the live release stays, and it is published once."""
    started, _ = await moving(podium)
    shell = Shell(started, FollowPolicy(steps="10:30m,50:1h"))
    await fragment("follow", "moving", "on")
    podium.change(started, version="2.0.0")
    await shell.visit()
    included, _ = await shell.visit()
    assert [done.version for done in shell.published] == ["2.0.0"]
    assert included.version == "1.0.0"
    rollout = await models.Rollout.objects.select_related("release").aget(fragment="moving")
    assert (rollout.release.version, rollout.share) == ("2.0.0", 1000)
    with pytest.raises(StepsRefused):
        FollowPolicy(steps="half of them")


async def test_origin_that_answers_in_two_versions_is_no_loop(podium: Podium) -> None:
    """A version that was live before is not published again automatically."""
    started, shell = await moving(podium)
    await fragment("follow", "moving", "on")
    for version in ("2.0.0", "1.0.0", "2.0.0", "1.0.0"):
        podium.change(started, version=version)
        shell.now += timedelta(hours=2)
        await shell.visit()
    assert [done.version for done in shell.published] == ["2.0.0"]


async def test_release_that_is_refused_is_tried_more_and_more_rarely(podium: Podium) -> None:
    """The live release stays, and the fragment's log has the reason."""
    started, shell = await moving(podium)
    await fragment("follow", "moving", "on")
    podium.change(started, version="2.0.0", css=[{"value": "/missing.css"}])
    tried = []
    with capture_logs() as logs:
        for minute in range(10):
            podium.requests(started)
            await shell.visit()
            tried += [minute] if any("manifest" in seen["url"] for seen in podium.requests(started)) else []
            shell.now += timedelta(minutes=1)
    assert (tried, shell.published) == ([0, 1, 3, 7], [])
    assert {entry["fragment"] for entry in logs if entry["event"] == "follow_refused"} == {"moving"}
    live = await models.LiveRelease.objects.select_related("release").aget(fragment="moving")
    assert live.release.version == "1.0.0"


async def test_name_that_is_not_live_is_not_followed() -> None:
    """The name may be misspelt, so the command is refused."""
    with pytest.raises(CommandError, match="no release of moving is live"):
        await fragment("follow", "moving", "on")
