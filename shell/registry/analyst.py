"""Looks at every trial again and again, and rolls back, promotes or pauses it by itself.

Public: `Analyst`, `review`, `ACTOR`.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db import Error, close_old_connections, connection

from bff.resilience import log
from shell.registry import models
from shell.registry.analysis import AnalysisPolicy, Finding, Sample, judge
from shell.registry.rollout import RolloutRefused, abort, pause, promote
from shell.registry.tallies import ReleaseTally, read_sample, store_counts
from shell.registry.waivers import errors_before_live

ACTOR = "analysis"

logger = log.get("registry")


class Analyst:
    """Every process counts and looks; whoever sees it first acts, and the others find nothing to do."""

    def __init__(self, tally: ReleaseTally, policy: AnalysisPolicy) -> None:
        self._tally = tally
        self._policy = policy
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin in the background. A second call does nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="registry-analyst")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._policy.every_s)
            counts = self._tally.take()
            if not counts:
                continue
            try:
                await asyncio.to_thread(_review_in_thread, counts, self._policy)
            except Error as error:
                logger.warning("trial_unreviewed", detail=str(error))
            except Exception:
                logger.exception("trial_review_broke")


def review(counts: Mapping[str, Sample], policy: AnalysisPolicy, now: datetime) -> None:
    """Store what was counted, look at every trial, and act on what is found."""
    store_counts(counts, now)
    for row in models.Rollout.objects.select_related("release"):
        live = models.LiveRelease.objects.select_related("release").get(fragment=row.fragment).release
        since = max(row.since, now - timedelta(seconds=policy.window_s))
        trial_sample, live_sample = read_sample(row.release.digest, since), read_sample(live.digest, since)
        age_s = (now - row.since).total_seconds()
        verdict = judge(trial_sample, live_sample, policy, age_s=age_s)
        try:
            _act(row, verdict.finding, verdict.detail, now)
        except RolloutRefused:
            logger.info("trial_ended_meanwhile", fragment=row.fragment)


def _act(row: models.Rollout, finding: Finding, detail: str, now: datetime) -> None:
    fragment, version = row.fragment, row.release.version
    if finding is Finding.BAD:
        if abort(fragment, actor=ACTOR, why=detail) is not None:
            logger.error("trial_rolled_back", fragment=fragment, version=version, detail=detail)
    elif row.promotes and not row.held_back and finding is Finding.WELL and (broken := errors_before_live(row.release)):
        why = f"it breaks {', '.join(dict.fromkeys(each.rule for each in broken))}, so it can not be live for everybody"
        pause(fragment, actor=ACTOR, why=why)
        logger.warning("trial_paused", fragment=fragment, version=version, detail=why)
    elif row.promotes and not row.held_back and finding is Finding.WELL:
        promote(fragment, actor=ACTOR, now=now, why=detail)
        logger.info("trial_promoted", fragment=fragment, version=version, detail=detail)
    elif row.promotes and not row.held_back and finding is Finding.INCONCLUSIVE:
        pause(fragment, actor=ACTOR, why=f"inconclusive: {detail}")
        logger.warning("trial_paused", fragment=fragment, version=version, detail=detail)


def _review_in_thread(counts: Mapping[str, Sample], policy: AnalysisPolicy) -> None:
    close_old_connections()
    try:
        review(counts, policy, datetime.now(UTC))
    finally:
        # The thread goes back to the pool: it must not keep a connection that nobody closes.
        if not connection.in_atomic_block:
            connection.close()
