"""An operator's hold on a fragment: no page and no form asks it for anything, whatever release of it is live.

Public: `FragmentHold`, `hold`, `resume`, `HoldRefused`, `NotLive`.
A hold is part of what is live: it is audited, outlives every process, and running shells follow it as they follow a
publish.
"""

from dataclasses import dataclass
from datetime import datetime

from shell.registry import models
from shell.registry.serialized import serialized

REASON_CHARS_MAX = 200


class HoldRefused(Exception):
    """The message says what is wrong, and that nothing was changed."""


class NotLive(HoldRefused):
    """`live` are the names that there are: for who operates the shell, and for no team."""

    def __init__(self, fragment: str, live: list[str]) -> None:
        super().__init__(f"no release of {fragment} is live, so nothing was changed.")
        self.live = live


@dataclass(frozen=True, slots=True)
class FragmentHold:
    """Why, by whom and since when a fragment is held."""

    reason: str
    actor: str
    since: datetime


@serialized
def hold(fragment: str, *, reason: str, actor: str) -> bool:
    """Hold `fragment`; False when it was held for this reason already. Raises `HoldRefused`."""
    words = " ".join(reason.split())
    if not words or len(words) > REASON_CHARS_MAX:
        raise HoldRefused(f"a reason has 1 to {REASON_CHARS_MAX} characters; nothing was changed.")
    live = _live(fragment)
    if models.Hold.objects.filter(fragment=fragment, reason=words).exists():
        return False
    models.Hold.objects.update_or_create(fragment=fragment, defaults={"reason": words, "actor": actor})
    _audit(actor, "held", fragment, live, words)
    return True


@serialized
def resume(fragment: str, *, actor: str) -> FragmentHold | None:
    """End the hold on `fragment`; the hold that it was, None when there was none. Raises `HoldRefused`."""
    row = models.Hold.objects.filter(fragment=fragment).first()
    if row is None:
        _live(fragment)
        return None
    was = FragmentHold(row.reason, row.actor, row.since)
    row.delete()
    live = models.LiveRelease.objects.filter(fragment=fragment).first()
    _audit(actor, "resumed", fragment, live, f"was held by {was.actor}: {was.reason}")
    return was


def _live(fragment: str) -> models.LiveRelease:
    live = models.LiveRelease.objects.filter(fragment=fragment).first()
    if live is None:
        raise NotLive(
            fragment, list(models.LiveRelease.objects.order_by("fragment").values_list("fragment", flat=True))
        )
    return live


def _audit(actor: str, action: str, fragment: str, live: models.LiveRelease | None, detail: str) -> None:
    models.AuditEntry.objects.create(
        actor=actor, action=action, fragment=fragment, release=live.release if live else None, detail=detail
    )
