"""Pages as rows: immutable revisions of each, and which one is live.

Public: `PageMoved`, `RevisionView`, `PageDetail`, `PageDifference`, `PageRefused`, `live_documents`, `publish_page`,
`roll_back_page`, `show_page`, `compare_pages`, `subject_of`.
What a document may say is looked at by who calls: `check` is called in the same transaction, before anything is live.
"""

import difflib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from shell.registry import models
from shell.registry.history import NotFound
from shell.registry.serialized import serialized

REVISIONS_SHOWN_MAX = 50
REASON_CHARS_MAX = 200
# The name under which the audit and tokens have a page; a fragment's name holds no colon.
_SUBJECT = "page:"
Check = Callable[[bytes], None]


class PageRefused(Exception):
    """The message says what is wrong, and that nothing was changed."""


@dataclass(frozen=True, slots=True)
class PageMoved:
    """From which revision to which; 0 is the page of the file, or none at all. `changed` is False where they agree."""

    page: str
    from_revision: int
    revision: int
    digest: str
    changed: bool


@dataclass(frozen=True, slots=True)
class RevisionView:
    """One revision of a page."""

    revision: int
    digest: str
    actor: str
    published_at: datetime
    live: bool


@dataclass(frozen=True, slots=True)
class PageDetail:
    """A page with its newest revisions, newest first. `document` is what is live, None while the file's page is."""

    page: str
    revision: int
    document: dict[str, object] | None
    revisions: list[RevisionView]


@dataclass(frozen=True, slots=True)
class PageDifference:
    """What changed from one revision to another, as lines of their documents."""

    page: str
    before: int
    after: int
    lines: list[str]


def subject_of(page: str) -> str:
    """The page's name where fragments and pages stand side by side: in the audit and in tokens."""
    return f"{_SUBJECT}{page}"


def live_documents() -> dict[str, bytes]:
    """The documents of the pages that are published, by name."""
    rows = models.LivePage.objects.select_related("revision")
    return {row.page: bytes(row.revision.document) for row in rows}


@serialized
def publish_page(page: str, document: bytes, *, check: Check, actor: str, now: datetime) -> PageMoved:
    """Make `document` the page; the same one again is no change. What `check` raises leaves all as it was."""
    live = _live(page).select_for_update(of=("self",)).first()
    digest = hashlib.sha256(document).hexdigest()
    before = live.revision.number if live else 0
    if live is not None and live.revision.digest == digest:
        return PageMoved(page, before, before, digest, changed=False)
    check(document)
    newest = models.PageRevision.objects.filter(page=page).order_by("-number").values_list("number", flat=True).first()
    revision = models.PageRevision.objects.create(
        page=page, number=(newest or 0) + 1, digest=digest, document=document, actor=actor, published_at=now
    )
    models.LivePage.objects.update_or_create(page=page, defaults={"revision": revision})
    _audit(actor, "page_published", page, f"revision {revision.number}, {digest[:12]}")
    return PageMoved(page, before, revision.number, digest, changed=True)


@serialized
def roll_back_page(
    page: str, *, to: int | None, check: Check, reason: str, actor: str, now: datetime, expect: int | None = None
) -> PageMoved:
    """Make an earlier revision the page: `to`, or the one before what is live; before the first it is the file's.

    With `expect` nothing is changed unless that revision is live, so that what is sent twice goes no step too far.
    Raises `PageRefused`, `NotFound`, and what `check` raises of a revision that does not fit what is live by now.
    """
    live = _live(page).select_for_update(of=("self",)).first()
    if live is None:
        raise NotFound(f"no revision of {page} is live, so there is none to go back from.")
    words = " ".join(reason.split())
    if len(words) > REASON_CHARS_MAX:
        raise PageRefused(f"a reason has at most {REASON_CHARS_MAX} characters; nothing was changed.")
    before = live.revision.number
    if expect not in (None, before):
        raise PageRefused(f"revision {before} of {page} is live, and not {expect}; nothing was changed.")
    target = _target(page, to, before)
    if target is not None and target.pk == live.revision_id:
        return PageMoved(page, before, before, target.digest, changed=False)
    if target is None:
        check(b"")
        live.delete()
    else:
        check(bytes(target.document))
        live.revision = target
        live.save(update_fields=["revision"])
    number = target.number if target else 0
    detail = f"from revision {before} to {number or 'what the file has'}" + (f": {words}" if words else "")
    _audit(actor, "page_rolled_back", page, detail)
    return PageMoved(page, before, number, target.digest if target else "", changed=True)


def show_page(page: str) -> PageDetail:
    """What is published of a page; without revisions where it is only the file's."""
    live = _live(page).first()
    number = live.revision.number if live else 0
    rows = models.PageRevision.objects.filter(page=page).order_by("-number")[:REVISIONS_SHOWN_MAX]
    revisions = [
        RevisionView(row.number, row.digest, row.actor, row.published_at, row.number == number) for row in rows
    ]
    return PageDetail(page, number, json.loads(bytes(live.revision.document)) if live else None, revisions)


def compare_pages(page: str, before: int, after: int) -> PageDifference:
    """From revision `before` to `after`; raises `NotFound`."""
    one, other = (_indented(_revision(page, number)) for number in (before, after))
    lines = list(difflib.unified_diff(one, other, lineterm="", n=1))[2:]
    return PageDifference(page, before, after, lines)


def _live(page: str) -> QuerySet[models.LivePage]:
    return models.LivePage.objects.select_related("revision").filter(page=page)


def _target(page: str, to: int | None, live: int) -> models.PageRevision | None:
    if to is not None:
        return None if to == 0 else _revision(page, to)
    return models.PageRevision.objects.filter(page=page, number__lt=live).order_by("-number").first()


def _revision(page: str, number: int) -> models.PageRevision:
    row = models.PageRevision.objects.filter(page=page, number=number).first()
    if row is None:
        numbers = models.PageRevision.objects.filter(page=page).order_by("number").values_list("number", flat=True)
        there = ", ".join(map(str, numbers[:REVISIONS_SHOWN_MAX])) or "none"
        raise NotFound(f"{page} has no revision {number}. It has: {there}.")
    return row


def _indented(row: models.PageRevision) -> list[str]:
    return json.dumps(json.loads(bytes(row.document)), indent=2, ensure_ascii=False).splitlines()


def _audit(actor: str, action: str, page: str, detail: str) -> None:
    models.AuditEntry.objects.create(actor=actor, action=action, fragment=subject_of(page), detail=detail)
