"""Follows a fragment that says a newer version than what is live: publishes it by itself, where an operator said so.

Public: `Follower`, `FollowPolicy`, `Attempt`, `is_due`.

A Podium layout fetches a podlet's manifest again when an answer has another version. Here a release goes through the
same checks as any publish, so often at most, and never back: an origin whose copies answer in two versions is followed
once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from asgiref.sync import sync_to_async
from django.db import Error

from bff.resilience import log
from shell.composition.ladder import Included
from shell.composition.release import Release
from shell.registry import models
from shell.registry.publish import Published, Trial
from shell.registry.release_folder import PublishRefused
from shell.registry.steps import parse_steps

ACTOR = "follow"

logger = log.get("registry")


@dataclass(frozen=True, slots=True)
class FollowPolicy:
    """A fragment is followed every `interval_s` at most; each further try of one version waits twice as long.

    With `steps` (`1:10m,10:30m`) a version goes through these as a trial first, and is promoted where it does as well.
    """

    interval_s: int = 60
    interval_s_max: int = 3600
    steps: str = ""

    def __post_init__(self) -> None:
        parse_steps(self.steps)

    @property
    def trial(self) -> Trial | None:
        """How a version begins; none where all visitors get it at once."""
        return Trial(steps=self.steps) if self.steps else None


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last try of all shells to follow a fragment; `tries` of this `version` so far."""

    at: datetime | None = None
    version: str = ""
    tries: int = 0


def is_due(policy: FollowPolicy, attempt: Attempt, version: str, now: datetime) -> bool:
    """Whether it may be tried `now` to follow a fragment that says `version`."""
    if attempt.at is None:
        return True
    doublings = min(max(attempt.tries - 1, 0), 16) if version == attempt.version else 0
    wait_s = min(policy.interval_s * 2**doublings, policy.interval_s_max)
    return now - attempt.at >= timedelta(seconds=wait_s)


class Follower:
    """Sees every outcome of this process; `publish` publishes what a manifest's address describes now."""

    def __init__(
        self,
        publish: Callable[[str], Awaitable[Published]],
        policy: FollowPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._publish = publish
        self._policy = policy
        self._clock = clock
        self._now = now
        self._not_before: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, included: Included) -> None:
        """An outcome; it costs a look unless its release is followed and another version answered."""
        release, version = included.release, included.version_seen
        if not version or release is None or not release.follow:
            return
        at = self._clock()
        if at < self._not_before.get(release.fragment, at):
            return
        self._not_before[release.fragment] = at + self._policy.interval_s
        task = asyncio.create_task(self._follow(release, version), name=f"follow-{release.fragment}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def aclose(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await self.settle()

    async def _follow(self, release: Release, version: str) -> None:
        try:
            if not await sync_to_async(_claim)(release.fragment, version, self._policy, self._now()):
                return
            done = await self._publish(release.manifest_url)
        except (PublishRefused, Error) as error:
            logger.warning("follow_refused", fragment=release.fragment, version_seen=version, detail=str(error))
        except Exception:
            logger.exception("follow_broke", fragment=release.fragment, version_seen=version)
        else:
            logger.info("followed", fragment=done.fragment, version=done.version, changed=done.changed)


def _claim(fragment: str, version: str, policy: FollowPolicy, now: datetime) -> bool:
    """Whether it is this process's turn: one of all shells tries, and nobody goes back to what was live before."""
    row = models.Registration.objects.filter(fragment=fragment, follow=True).first()
    if row is None or models.Release.objects.filter(fragment=fragment, version=version).exists():
        return False
    attempt = Attempt(row.followed_at, row.followed_version, row.follow_tries)
    if not is_due(policy, attempt, version, now):
        return False
    tries = attempt.tries + 1 if version == attempt.version else 1
    claimed = models.Registration.objects.filter(fragment=fragment, followed_at=attempt.at).update(
        followed_at=now, followed_version=version, follow_tries=tries
    )
    return claimed == 1
