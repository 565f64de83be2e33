"""Queries on the registry: releases, differences between them, and the audit.

Public: `FragmentView`, `ReleaseView`, `AuditView`, `Difference`, `list_fragments`, `show_fragment`, `show_check`,
`compare`, `read_audit`, `find_release`, `is_named`, `record_refusal`, `NotFound`, `AUDIT_MAX`.
"""

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from shell.registry import models
from shell.registry.contact import contact_in
from shell.registry.environment import this_environment
from shell.registry.registrations import trust_of
from shell.registry.waivers import CheckView, assessment_of

RELEASES_MAX = 50
AUDIT_MAX = 500
_DETAIL_CHARS_MAX = 500


class NotFound(Exception):
    """The message says what there is instead."""


@dataclass(frozen=True, slots=True)
class FragmentView:
    """A fragment's name and what is live under it in this `environment`.

    `version` and `digest` are empty while nothing is. Whom to call is the live release's word.
    """

    fragment: str
    version: str
    digest: str
    manifest_url: str
    trust: str
    held: str
    environment: str
    owner: str
    oncall: str
    runbook: str


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """One release of a fragment; `content` is the same in every environment where its origin sent the same."""

    version: str
    digest: str
    manifest_url: str
    published_at: datetime
    live: bool
    content: str
    published_by: str


@dataclass(frozen=True, slots=True)
class FragmentDetail:
    """A fragment with its newest releases, newest first; `check` is what the gate said of the newest."""

    shown: FragmentView
    releases: list[ReleaseView]
    check: CheckView | None


@dataclass(frozen=True, slots=True)
class AuditView:
    """One line of the audit."""

    at: datetime
    actor: str
    action: str
    fragment: str
    version: str
    digest: str
    detail: str
    environment: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from one release to another: lines of manifest and fallback, and files by digest."""

    before: str
    after: str
    manifest: list[str]
    fallback: list[str]
    files_added: list[str]
    files_removed: list[str]


def list_fragments(only: str = "") -> list[FragmentView]:
    """Every fragment that has a release, by name; `only` one where it is named."""
    rows = models.LiveRelease.objects.select_related("release").order_by("fragment")
    held = {row.fragment: row.reason for row in models.Hold.objects.all()}
    return [_view(row, held.get(row.fragment, "")) for row in (rows.filter(fragment=only) if only else rows)]


def show_fragment(fragment: str) -> FragmentDetail:
    """Raises `NotFound` where nothing was ever published under this name."""
    shown = list_fragments(fragment)
    if not shown:
        raise NotFound(f"nothing was published as {fragment}.")
    rows = models.Release.objects.filter(fragment=fragment).order_by("-pk")[:RELEASES_MAX]
    live = shown[0].digest
    by = _published_by(rows)
    releases = [
        ReleaseView(
            version=row.version,
            digest=row.digest,
            manifest_url=row.manifest_url,
            published_at=row.published_at,
            live=row.digest == live,
            content=row.content,
            published_by=by.get(row.pk, ""),
        )
        for row in rows
    ]
    return FragmentDetail(shown[0], releases, assessment_of(rows[0]))


def _published_by(rows: Iterable[models.Release]) -> dict[int, str]:
    """Who brought each: the first whom the audit names with it."""
    entries = models.AuditEntry.objects.filter(release__in=[row.pk for row in rows]).order_by("-pk")
    return {pk: actor for pk, actor in entries.values_list("release_id", "actor") if pk is not None}


def show_check(fragment: str, named: str) -> CheckView:
    """The gate's findings about a release at its last publish; raises `NotFound`."""
    release = find_release(fragment, named)
    check = assessment_of(release)
    if check is None:
        raise NotFound(f"{fragment} {release.version} was published before releases were checked.")
    return check


def find_release(fragment: str, named: str) -> models.Release:
    """The release of this version, or whose digest begins so (8 characters or more); raises `NotFound`.

    Of several with one version it is the newest.
    """
    rows = models.Release.objects.filter(fragment=fragment).order_by("-pk")
    row = rows.filter(version=named).first()
    if row is None and len(named) >= 8:
        row = rows.filter(digest__startswith=named).first()
    if row is None:
        there = ", ".join(dict.fromkeys(rows.values_list("version", flat=True)[:RELEASES_MAX])) or "none"
        raise NotFound(f"{fragment} has no release {named}. It has: {there}.")
    return row


def is_named(release: models.Release, named: str) -> bool:
    """Whether `named` is its version or the beginning of its digest, as for `find_release`; anything is where empty."""
    return named in ("", release.version) or (len(named) >= 8 and release.digest.startswith(named))


def compare(fragment: str, before: str, after: str) -> Difference:
    """From release `before` to `after`, each by version or digest; raises `NotFound`."""
    one, other = find_release(fragment, before), find_release(fragment, after)
    there, then = _files(one), _files(other)
    return Difference(
        before=f"{one.version} {one.digest[:12]}",
        after=f"{other.version} {other.digest[:12]}",
        manifest=list(_lines(_indented(bytes(one.manifest)), _indented(bytes(other.manifest)))),
        fallback=list(_lines(bytes(one.fallback).decode(), bytes(other.fallback).decode())),
        files_added=sorted(then - there),
        files_removed=sorted(there - then),
    )


def _files(row: models.Release) -> set[str]:
    """Each file by its path and contents; by its contents alone where a release was no folder yet."""
    return {f"{key} {digest[:12]}" for key, digest in row.files.items()} or {*row.css, *row.js}


def read_audit(fragment: str, limit: int) -> list[AuditView]:
    """The newest `limit` lines about `fragment`, newest first; about every fragment where it is empty."""
    rows = models.AuditEntry.objects.select_related("release").order_by("-pk")
    rows = rows.filter(fragment=fragment) if fragment else rows
    return [
        AuditView(
            at=row.at,
            actor=row.actor,
            action=row.action,
            fragment=row.fragment,
            version=row.release.version if row.release else "",
            digest=row.release.digest if row.release else "",
            detail=row.detail,
            environment=row.environment,
        )
        for row in rows[: max(1, min(limit, AUDIT_MAX))]
    ]


def record_refusal(fragment: str, *, actor: str, detail: str) -> None:
    """A holder of a valid token tried what it may not do; the snapshot's generation stays."""
    models.AuditEntry.objects.create(
        actor=actor, action="refused", fragment=fragment[:100], detail=detail[:_DETAIL_CHARS_MAX], changes_pages=False
    )


def _view(row: models.LiveRelease, held: str) -> FragmentView:
    release, contact = row.release, contact_in(bytes(row.release.manifest))
    return FragmentView(
        fragment=row.fragment,
        version=release.version,
        digest=release.digest,
        manifest_url=release.manifest_url,
        trust=str(trust_of(row.fragment)),
        held=held,
        environment=this_environment(),
        owner=contact.owner,
        oncall=contact.oncall,
        runbook=contact.runbook,
    )


def _indented(manifest: bytes) -> str:
    return json.dumps(json.loads(manifest), indent=2, sort_keys=True, ensure_ascii=False)


def _lines(before: str, after: str) -> Iterator[str]:
    """Of a unified diff without its two lines of names."""
    return iter(list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))[2:])
