"""Links that show a release to one browser of its team before it is live, and to nobody else.

Public: `make_preview`, `open_preview`, `set_team`, `team_of`, `PreviewLink`, `OpenedPreview`, `PreviewRefused`,
`HOURS_DEFAULT`, `HOURS_MAX`.
A link is signed. It is bound to the sign-in of the first member of the team who opens it; any other is refused.
"""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite

from django.db import transaction
from django.utils.crypto import constant_time_compare

from shell.registry import models
from shell.registry.history import find_release, record_refusal
from shell.registry.serialized import serialized

HOURS_DEFAULT = 2.0
HOURS_MAX = 24.0
STANDING_MAX = 20
TEAM_MAX = 100
LINK_CHARS_MAX = 200
_UNKNOWN = "preview"  # what stands in the audit for a link that names no fragment


class PreviewRefused(Exception):
    """The message says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class PreviewLink:
    """`url` is the link; whoever has it needs a sign-in of the team, too."""

    fragment: str
    version: str
    digest: str
    url: str
    expires_at: datetime
    own_machine: bool


@dataclass(frozen=True, slots=True)
class OpenedPreview:
    """A link that was opened: what the browser is bound to, and what it is shown."""

    id: str
    fragment: str
    version: str
    expires_at: datetime


@serialized
def set_team(fragment: str, accounts: Iterable[str], *, actor: str) -> bool:
    """Let these accounts, and no others, be shown releases of `fragment` that are not live; False where it was so."""
    given = sorted(set(accounts))
    if len(given) > TEAM_MAX:
        raise PreviewRefused(f"a team has at most {TEAM_MAX} accounts; nothing was changed.")
    if given == team_of(fragment):
        return False
    models.TeamMember.objects.filter(fragment=fragment).exclude(account__in=given).delete()
    # What somebody is shown who is of the team no more ends at once.
    opened = models.Preview.objects.filter(release__fragment=fragment).exclude(session="")
    opened.exclude(account__in=given).delete()
    for account in given:
        models.TeamMember.objects.get_or_create(fragment=fragment, account=account)
    _audit(actor, "team", fragment, None, " ".join(given) or "nobody")
    return True


def team_of(fragment: str) -> list[str]:
    """The accounts that may be shown releases of `fragment` which are not live, by name."""
    rows = models.TeamMember.objects.filter(fragment=fragment).order_by("account")
    return list(rows.values_list("account", flat=True))


@serialized
def make_preview(
    fragment: str, release: str, *, hours: float, origin: str, actor: str, now: datetime, own_machine: bool = False
) -> PreviewLink:
    """A link below the shell's `origin` to a release that was published, live or not.

    One that stands on a team's `own_machine` is sandboxed, and hears of no player. Raises `PreviewRefused`, `NotFound`.
    """
    row = find_release(fragment, release)
    if not (isfinite(hours) and 0 < hours <= HOURS_MAX):
        raise PreviewRefused(f"a preview lasts up to {HOURS_MAX:g} hours, and this is {hours:g}; no link was made.")
    standing = models.Preview.objects.filter(release__fragment=fragment, expires_at__gt=now).count()
    if standing >= STANDING_MAX:
        raise PreviewRefused(f"{fragment} has {standing} links that are valid; no link was made. Wait until one ends.")
    models.Preview.objects.filter(release__fragment=fragment, expires_at__lt=now - timedelta(days=1)).delete()
    expires_at = datetime.fromtimestamp(int((now + timedelta(hours=hours)).timestamp()), UTC)
    preview = models.Preview.objects.create(
        id=secrets.token_hex(16),
        key=secrets.token_hex(32),
        release=row,
        own_machine=own_machine,
        made_by=actor,
        made_at=now,
        expires_at=expires_at,
    )
    _audit(actor, "preview_made", fragment, row, f"{preview.id[:8]}, until {expires_at:%Y-%m-%d %H:%M} UTC")
    return PreviewLink(
        fragment, row.version, row.digest, f"{origin}/preview/{_link(preview)}/", expires_at, own_machine
    )


def open_preview(link: str, *, account: str, session: str, now: datetime) -> OpenedPreview:
    """Bind a link to the sign-in `session` of `account`; raises `PreviewRefused`, and the audit says whom."""
    try:
        return _open(link, account, session, now)
    except _Refused as refused:
        record_refusal(refused.fragment, actor=account, detail=f"preview {refused.preview}: {refused.why}".strip())
        raise PreviewRefused(refused.why) from refused


class _Refused(Exception):
    def __init__(self, why: str, fragment: str = _UNKNOWN, preview: str = "") -> None:
        super().__init__(why)
        self.why, self.fragment, self.preview = why, fragment, preview[:8]


@transaction.atomic
def _open(link: str, account: str, session: str, now: datetime) -> OpenedPreview:
    rows = models.Preview.objects.select_related("release").select_for_update(of=("self",))
    row = rows.filter(id=link.partition(".")[0]).first() if len(link) <= LINK_CHARS_MAX else None
    if row is None or not constant_time_compare(link, _link(row)):
        raise _Refused("This is no link to a preview, or one that is long over. Ask its team for another.")
    fragment = row.release.fragment
    if row.expires_at <= now:
        raise _Refused("This preview is over; ask its team for another link.", fragment, row.id)
    if account not in team_of(fragment):
        raise _Refused(
            f"This account is not of the team of {fragment}; who operates the shell can add it.", fragment, row.id
        )
    if row.session and row.session != session:
        raise _Refused("This link belongs to another browser or sign-in; make one for yours.", fragment, row.id)
    if not row.session:
        row.account, row.session = account, session
        row.save(update_fields=["account", "session"])
        _audit(account, "preview_opened", fragment, row.release, row.id[:8], changes_pages=False)
    return OpenedPreview(row.id, fragment, row.release.version, row.expires_at)


def _link(row: models.Preview) -> str:
    """`<id>.<expires>.<signature>`, by the row's own key."""
    signed = f"{row.id}.{int(row.expires_at.timestamp())}"
    return f"{signed}.{hmac.digest(row.key.encode(), signed.encode(), 'sha256').hex()}"


def _audit(
    actor: str, action: str, fragment: str, release: models.Release | None, detail: str, *, changes_pages: bool = True
) -> None:
    models.AuditEntry.objects.create(
        actor=actor, action=action, fragment=fragment, release=release, detail=detail, changes_pages=changes_pages
    )
