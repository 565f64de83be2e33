"""Evaluates every trial periodically, and rolls it back, advances, promotes or pauses it.

Public: `TrialController`, `review`, `ACTOR`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from django.db import Error, close_old_connections, connection

from bff.resilience import log
from shell.registry import models
from shell.registry.analysis import AnalysisPolicy, Finding, Sample, Verdict, judge
from shell.registry.rollout import abort, advance, pause, promote
from shell.registry.serialized import serialized
from shell.registry.steps import parse_steps
from shell.registry.tallies import ReleaseTally, ScriptErrorSeen, read_sample, store_counts, store_script_errors
from shell.registry.trial_webhook import TrialEvent
from shell.registry.waivers import errors_before_live

ACTOR = "analysis"

logger = log.get("registry")


class TrialController:
    """Every process counts outcomes and evaluates trials; the first one acts, and the others find nothing left to do.

    `notify` hears what this process did; it must not wait.
    """

    def __init__(
        self, tally: ReleaseTally, policy: AnalysisPolicy, notify: Callable[[TrialEvent], None] = lambda event: None
    ) -> None:
        self._tally = tally
        self._notify = notify
        self._policy = policy
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin in the background. A second call does nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="registry-trials")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._policy.every_s)
            counts, script_errors = self._tally.take(), self._tally.take_script_errors()
            if not counts and not script_errors:
                continue
            try:
                events = await asyncio.to_thread(_review_in_thread, counts, script_errors, self._policy)
            except Error as error:
                logger.warning("trial_unreviewed", detail=str(error))
            except Exception:
                logger.exception("trial_review_broke")
            else:
                for event in events:
                    self._notify(event)


def review(
    counts: Mapping[str, Sample],
    policy: AnalysisPolicy,
    now: datetime,
    script_errors: Iterable[ScriptErrorSeen] = (),
) -> list[TrialEvent]:
    """Store the counts, judge every trial, and act on the verdicts; returns what was done, for notifications."""
    store_counts(counts, now)
    store_script_errors(script_errors, now)
    events = []
    for row in models.Rollout.objects.select_related("release"):
        if (event := _act_on(row, _verdict(row, policy, now), now)) is not None:
            events.append(event)
    return events


def _verdict(row: models.Rollout, policy: AnalysisPolicy, now: datetime) -> Verdict:
    """Harm is looked for in the last minutes, health over the whole of the step."""
    live = models.LiveRelease.objects.select_related("release").get(fragment=row.fragment).release
    began, steps = row.step_since or row.since, parse_steps(row.steps)

    def samples(since: datetime) -> tuple[Sample, Sample]:
        return read_sample(row.release.digest, since), read_sample(live.digest, since)

    recent = samples(max(began, now - timedelta(seconds=policy.window_s)))
    if not steps:
        return judge(*recent, policy, age_s=(now - began).total_seconds())
    if (harm := judge(*recent, policy, age_s=0)).finding in (Finding.BAD, Finding.DOUBTFUL):
        return harm
    step_policy = replace(policy, window_s=steps[row.step].seconds)
    return judge(*samples(began), step_policy, age_s=(now - began).total_seconds())


@serialized
def _act_on(row: models.Rollout, verdict: Verdict, now: datetime) -> TrialEvent | None:
    """A verdict counts for the trial that was judged: one that anybody has changed since is judged again."""
    there = models.Rollout.objects.filter(pk=row.pk).first()
    if there is None or _position(there) != _position(row):
        logger.info("trial_moved_meanwhile", fragment=row.fragment)
        return None
    return _act(row, verdict, now)


def _position(row: models.Rollout) -> tuple[object, ...]:
    return row.release_id, row.since, row.step, row.promotes, row.held_back


def _act(row: models.Rollout, verdict: Verdict, now: datetime) -> TrialEvent | None:
    fragment, detail = row.fragment, verdict.detail
    if verdict.finding is Finding.BAD:
        abort(fragment, actor=ACTOR, why=detail)
        return _event("trial_rolled_back", row, detail, now)
    if row.held_back:
        return None
    if verdict.finding is Finding.DOUBTFUL:
        pause(fragment, actor=ACTOR, why=detail)
        return _event("trial_paused", row, detail, now)
    if not row.promotes:
        return None
    if verdict.finding is Finding.INCONCLUSIVE:
        pause(fragment, actor=ACTOR, why=f"inconclusive: {detail}")
        return _event("trial_paused", row, f"inconclusive: {detail}", now)
    if verdict.finding is not Finding.WELL:
        return None
    if row.step + 1 < len(parse_steps(row.steps)):
        advance(fragment, actor=ACTOR, now=now, why=detail)
        return _event("trial_advanced", row, detail, now)
    if broken := errors_before_live(row.release):
        why = f"it breaks {', '.join(dict.fromkeys(each.rule for each in broken))}, so it can not be live for everybody"
        pause(fragment, actor=ACTOR, why=why)
        return _event("trial_paused", row, why, now)
    promote(fragment, actor=ACTOR, now=now, why=detail)
    return _event("trial_promoted", row, detail, now)


def _event(name: str, row: models.Rollout, detail: str, now: datetime) -> TrialEvent:
    log_level = {"trial_rolled_back": logger.error, "trial_paused": logger.warning}.get(name, logger.info)
    log_level(name, fragment=row.fragment, version=row.release.version, detail=detail)
    return TrialEvent(name, row.fragment, row.release.version, row.release.digest, detail, now)


def _review_in_thread(
    counts: Mapping[str, Sample], script_errors: Iterable[ScriptErrorSeen], policy: AnalysisPolicy
) -> list[TrialEvent]:
    close_old_connections()
    try:
        return review(counts, policy, datetime.now(UTC), script_errors)
    finally:
        # The thread goes back to the pool: it must not keep a connection that nobody closes.
        if not connection.in_atomic_block:
            connection.close()
