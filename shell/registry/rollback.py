"""Back to an earlier release, at once: what was copied then is still here, so nothing is fetched.

Public: `roll_back`, `Moved`, `RollbackRefused`.
"""

from dataclasses import dataclass
from datetime import datetime

from shell.registry import models
from shell.registry.going_live import go_live
from shell.registry.history import NotFound, find_release, is_named
from shell.registry.rollout import abort
from shell.registry.serialized import serialized

REASON_CHARS_MAX = 200
_MADE_LIVE = ("published", "promoted", "rolled_back")


class RollbackRefused(Exception):
    """The message says why, and that nothing was changed."""


@dataclass(frozen=True, slots=True)
class Moved:
    """From which release to which; the same one twice where nothing was to do."""

    fragment: str
    from_version: str
    from_digest: str
    version: str
    digest: str
    changed: bool


@serialized
def roll_back(fragment: str, *, to: str, reason: str, actor: str, now: datetime, expect: str = "") -> Moved:
    """Make an earlier release live: `to` is its version or digest, or empty for the one that was live before.

    With `expect` nothing is changed unless that release is on trial or, without a trial, live: what is sent twice, or
    comes after a trial has ended by itself, goes no step too far.
    Where a release is on trial, its trial ends; without `to` that is all, and what is live stays. Forms of pages that
    were drawn by what was rolled back are not sent any more. Raises `RollbackRefused`, and `NotFound` for a release
    that there is none of.
    """
    live = models.LiveRelease.objects.select_related("release").select_for_update().filter(fragment=fragment).first()
    if live is None:
        raise NotFound(f"nothing was published as {fragment}.")
    words = " ".join(reason.split())
    if len(words) > REASON_CHARS_MAX:
        raise RollbackRefused(f"a reason has at most {REASON_CHARS_MAX} characters; nothing was changed.")
    was = live.release
    trial = models.Rollout.objects.select_related("release").filter(fragment=fragment).first()
    left = trial.release if trial else was
    if not is_named(left, expect):
        raise RollbackRefused(
            f"{left.version} of {fragment} is {'on trial' if trial else 'live'}, and not {expect}; nothing was changed."
        )
    ended = abort(fragment, actor=actor, why=words)
    if ended is not None and not to:
        return Moved(fragment, ended.version, ended.digest, was.version, was.digest, True)
    release = find_release(fragment, to) if to else _before(live)
    if release.pk != was.pk:
        _check_was_live(release)
        go_live(fragment, release, now=now, withdrawn=was)
        detail = f"from {was.version} {was.digest[:12]}" + (f": {words}" if words else "")
        models.AuditEntry.objects.create(
            actor=actor, action="rolled_back", fragment=fragment, release=release, detail=detail
        )
    return Moved(fragment, was.version, was.digest, release.version, release.digest, release.pk != was.pk)


def _before(live: models.LiveRelease) -> models.Release:
    """What was live before what is, however often there was a rollback in between, and whether it was new or came back:
    a publish or a promotion goes a step on, a rollback goes back to where it was. What is live is its end, also where
    nobody wrote down how it became so."""
    line: list[int] = []
    made_live = models.AuditEntry.objects.filter(fragment=live.fragment, action__in=_MADE_LIVE, release__isnull=False)
    for action, release_id in made_live.order_by("pk").values_list("action", "release_id"):
        if action == "rolled_back" and release_id in line:
            while line[-1] != release_id:
                line.pop()
        else:
            line.append(release_id)
    if line[-1:] != [live.release_id]:
        line.append(live.release_id)
    if len(line) < 2:
        raise RollbackRefused(f"no release of {live.fragment} was live before {live.release.version}, so it stays.")
    return models.Release.objects.get(pk=line[-2])


def _check_was_live(release: models.Release) -> None:
    if not models.AuditEntry.objects.filter(release=release, action__in=_MADE_LIVE).exists():
        raise RollbackRefused(f"{release.version} was never live, so there is no way back to it; nothing was changed.")
