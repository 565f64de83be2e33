"""The calendar of functions: when how many environments are to be warm, because a final starts.

Public: `plan_warm_up`, `cancel_warm_up`, `coming_warm_ups`, `WarmUpRefused`, `ENVIRONMENTS_MAX`.
"""

from datetime import UTC, datetime

from shell.composition.release import WarmUp
from shell.registry import models
from shell.registry.serialized import serialized

ENVIRONMENTS_MAX = 1000
MINUTES_MAX = 120
_PLANNED_MAX = 200


class WarmUpRefused(Exception):
    """The message says what is wrong, and that nothing was changed."""


@serialized
def plan_warm_up(planned: WarmUp, *, actor: str, now: datetime) -> bool:
    """Have a function warm before a moment; one of the same moment is replaced. False when it was planned so already.

    Raises `WarmUpRefused`.
    """
    _check(planned, now)
    row = models.WarmUp.objects.filter(fragment=planned.fragment, at=planned.at).first()
    if row is not None and _planned(row) == planned:
        return False
    if row is None and models.WarmUp.objects.filter(at__gt=now).count() >= _PLANNED_MAX:
        raise WarmUpRefused(f"{_PLANNED_MAX} are planned already. Nothing was changed; cancel one first.")
    values = {"environments": planned.environments, "minutes_before": planned.minutes_before, "why": planned.why}
    models.WarmUp.objects.filter(at__lt=now).delete()
    models.WarmUp.objects.update_or_create(fragment=planned.fragment, at=planned.at, defaults=values | {"actor": actor})
    detail = f"{planned.environments} from {planned.begins_at:%Y-%m-%d %H:%M}: {planned.why}"
    models.AuditEntry.objects.create(actor=actor, action="warm_up", fragment=planned.fragment, detail=detail)
    return True


@serialized
def cancel_warm_up(fragment: str, at: datetime, *, actor: str) -> bool:
    """Take one out of the calendar; False where there is none."""
    gone, _ = models.WarmUp.objects.filter(fragment=fragment, at=at).delete()
    if gone:
        detail = f"cancelled: {at:%Y-%m-%d %H:%M}"
        models.AuditEntry.objects.create(actor=actor, action="warm_up", fragment=fragment, detail=detail)
    return bool(gone)


def coming_warm_ups(now: datetime, fragment: str = "") -> tuple[WarmUp, ...]:
    """The next first, of one fragment or of all."""
    rows = models.WarmUp.objects.filter(at__gt=now).order_by("at", "fragment")
    return tuple(map(_planned, rows.filter(fragment=fragment) if fragment else rows))


def _planned(row: models.WarmUp) -> WarmUp:
    return WarmUp(row.fragment, row.at.astimezone(UTC), row.environments, row.minutes_before, row.why)


def _check(planned: WarmUp, now: datetime) -> None:
    live = models.LiveRelease.objects.filter(fragment=planned.fragment).exists()
    for wrong, sentence in (
        (not live, f"no release of {planned.fragment} is live"),
        (planned.at <= now, f"{planned.at:%Y-%m-%d %H:%M} UTC is over"),
        (not 1 <= planned.environments <= ENVIRONMENTS_MAX, f"environments are between 1 and {ENVIRONMENTS_MAX}"),
        (not 1 <= planned.minutes_before <= MINUTES_MAX, f"minutes before are between 1 and {MINUTES_MAX}"),
        (len(planned.why) > 200 or not planned.why.isprintable(), "the reason is one line of 200 characters at most"),
    ):
        if wrong:
            raise WarmUpRefused(f"{sentence}. Nothing was changed.")
