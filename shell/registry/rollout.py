"""A release on trial: a share of visitors gets it, until it is promoted or rolled back.

Public: `RolloutView`, `RolloutRefused`, `start_canary`, `advance`, `promote`, `pause`, `abort`, `rollout_of`, `begin`.
"""

from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from shell.composition.release import SHARE_MAX
from shell.registry import models
from shell.registry.going_live import go_live
from shell.registry.history import NotFound, find_release, is_named
from shell.registry.serialized import serialized
from shell.registry.steps import StepsRefused, parse_steps, steps_text
from shell.registry.waivers import errors_before_live

PERCENT = SHARE_MAX // 100
_DETAIL_CHARS_MAX = 300


class RolloutRefused(Exception):
    """The message says why, and that nothing was changed."""


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A trial as it is shown: `percent` of visitors get `version`. `held_back` says why it stays at that.

    `step` counts from 1 among its `steps`; 0 where it has none.
    """

    fragment: str
    version: str
    digest: str
    percent: float
    promotes: bool
    held_back: str
    since: datetime
    actor: str
    steps: str = ""
    step: int = 0


def rollout_of(fragment: str) -> RolloutView | None:
    """The trial of `fragment`, None without one."""
    row = models.Rollout.objects.select_related("release").filter(fragment=fragment).first()
    return None if row is None else _view(row)


@serialized
def start_canary(
    fragment: str, *, percent: float, release: str, promotes: bool, actor: str, now: datetime, steps: str = ""
) -> RolloutView:
    """Give `percent` of visitors a release that was published, or change how many get the one that is on trial.

    `release` is its version or digest; empty for the one on trial. With `steps` it goes through them, from the first,
    and `percent` and `promotes` are theirs to say. Raises `RolloutRefused` and `NotFound`.
    """
    live = _live(fragment)
    row = models.Rollout.objects.select_related("release").filter(fragment=fragment).first()
    if row is None and not release:
        raise RolloutRefused(f"nothing of {fragment} is on trial; name a release. Nothing was changed.")
    candidate = find_release(fragment, release) if release else row.release if row else live.release
    if row is not None and row.release_id != candidate.pk:
        raise RolloutRefused(
            f"{row.release.version} of {fragment} is on trial; promote it or roll it back first. Nothing was changed."
        )
    if candidate.pk == live.release_id:
        raise RolloutRefused(f"{candidate.version} of {fragment} is live already. Nothing was changed.")
    return begin(candidate, percent=percent, promotes=promotes, actor=actor, now=now, steps=steps)


def begin(
    candidate: models.Release, *, percent: float, promotes: bool, actor: str, now: datetime, steps: str = ""
) -> RolloutView:
    """The trial itself, for whom all else was looked at; to be called in a transaction. Raises `RolloutRefused`."""
    try:
        parsed = parse_steps(steps)
    except StepsRefused as error:
        raise RolloutRefused(str(error)) from error
    if parsed:
        percent, promotes = parsed[0].percent, True
    share = round(percent * PERCENT) if isfinite(percent) else 0
    if not 1 <= share < SHARE_MAX:
        raise RolloutRefused(
            f"a share is at least {1 / PERCENT:g} and less than 100 per cent, and this is {percent:g}; nothing was "
            "changed. `promote` gives it to everybody."
        )
    row, _ = models.Rollout.objects.update_or_create(
        fragment=candidate.fragment,
        defaults={
            "release": candidate,
            "share": share,
            "promotes": promotes,
            "held_back": "",
            "steps": steps_text(parsed),
            "step": 0,
            "step_since": now,
            "since": now,
            "actor": actor,
        },
    )
    goes_on = f", in steps {row.steps}" if parsed else ", promotes by itself" if promotes else ""
    _audit(row, actor, "canary", f"{share / PERCENT:g} % of visitors{goes_on}")
    return _view(row)


@serialized
def advance(fragment: str, *, actor: str, now: datetime, why: str) -> RolloutView:
    """Go on to the trial's next step, which is there; raises `RolloutRefused`."""
    row = _on_trial(fragment)
    steps = parse_steps(row.steps)
    row.step += 1
    row.share = round(steps[row.step].percent * PERCENT)
    row.step_since = now
    row.save(update_fields=["step", "share", "step_since"])
    detail = f"{steps[row.step].percent:g} % of visitors, step {row.step + 1} of {len(steps)}: {why}"
    _audit(row, actor, "canary", detail)
    return _view(row)


@serialized
def promote(fragment: str, *, actor: str, now: datetime, why: str = "", expect: str = "") -> RolloutView:
    """Make the release on trial live for everybody; raises `RolloutRefused`, also where it breaks the gate's rules.

    With `expect` nothing is changed unless that is the release on trial.
    """
    row = _on_trial(fragment)
    if not is_named(row.release, expect):
        raise RolloutRefused(f"{row.release.version} of {fragment} is on trial, and not {expect}; nothing was changed.")
    if errors := errors_before_live(row.release):
        broken = "; ".join(f"{each.rule}: {each.message}" for each in errors[:3])
        raise RolloutRefused(
            f"{row.release.version} of {fragment} can not be live for everybody ({broken}). Nothing was changed; "
            "publish another release, or have an operator waive the rule."
        )
    go_live(fragment, row.release, now=now)
    _audit(row, actor, "promoted", why)
    promoted = _view(row)
    row.delete()
    return promoted


@serialized
def pause(fragment: str, *, actor: str, why: str = "") -> RolloutView:
    """Leave the trial as it is: it is not promoted by itself, and still rolled back by itself. `RolloutRefused`."""
    row = _on_trial(fragment)
    row.held_back = (why or f"paused by {actor}")[:_DETAIL_CHARS_MAX]
    row.save(update_fields=["held_back"])
    _audit(row, actor, "paused", row.held_back)
    return _view(row)


@serialized
def abort(fragment: str, *, actor: str, why: str) -> RolloutView | None:
    """End the trial: everybody gets what is live, and its open forms are not sent any more. None without a trial."""
    row = models.Rollout.objects.select_related("release").select_for_update().filter(fragment=fragment).first()
    if row is None:
        return None
    _audit(row, actor, "canary_rolled_back", why)
    ended = _view(row)
    row.delete()
    return ended


def _live(fragment: str) -> models.LiveRelease:
    live = models.LiveRelease.objects.select_related("release").filter(fragment=fragment).first()
    if live is None:
        raise NotFound(f"nothing was published as {fragment}.")
    return live


def _on_trial(fragment: str) -> models.Rollout:
    row = models.Rollout.objects.select_related("release").select_for_update().filter(fragment=fragment).first()
    if row is None:
        raise RolloutRefused(f"nothing of {fragment} is on trial, so nothing was changed.")
    return row


def _view(row: models.Rollout) -> RolloutView:
    return RolloutView(
        fragment=row.fragment,
        version=row.release.version,
        digest=row.release.digest,
        percent=row.share / PERCENT,
        promotes=row.promotes,
        held_back=row.held_back,
        since=row.since,
        actor=row.actor,
        steps=row.steps,
        step=row.step + 1 if row.steps else 0,
    )


def _audit(row: models.Rollout, actor: str, action: str, detail: str) -> None:
    models.AuditEntry.objects.create(
        actor=actor, action=action, fragment=row.fragment, release=row.release, detail=detail[:500]
    )
