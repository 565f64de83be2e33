"""Publishing: fetch a fragment's manifest, fallback and assets, check them, keep copies, make the release live.

Public: `publish`, `Published`, `Trial`, `PublishRefused`, `VersionTaken`.
Nothing is written until everything is fetched, checked and held to the rules of the gate: a publish that is refused
leaves what is live as it was, and a line in the audit.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import Enum

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error, transaction

from bff.resilience import log
from bff.resilience.checked_transport import CheckedTransport
from bff.resilience.transport import Transport
from shell.composition.page import PageTable
from shell.composition.release import Trust
from shell.composition.requests import Bearer
from shell.registry import models
from shell.registry.content import check_content, content_of
from shell.registry.document_names import DocumentNames, borrowed, conflict, shell_names
from shell.registry.environment import this_environment
from shell.registry.fetch import Copy, Fetcher, fetch_policy
from shell.registry.gate.assess import Assessed, assess, errors_before
from shell.registry.gate.findings import Finding
from shell.registry.gate.manifest_findings import refusal
from shell.registry.gate.recording import RecordingTransport
from shell.registry.gate.rules import Stage
from shell.registry.going_live import go_live
from shell.registry.history import record_refusal
from shell.registry.origins import Origins, origin_of
from shell.registry.registrations import origins_by_fragment, set_trust, shown_of, trust_of
from shell.registry.release_folder import PublishRefused
from shell.registry.rollout import RolloutRefused, begin
from shell.registry.serialized import serialized
from shell.registry.waivers import FindingView, store_assessment, views_of, waived_rules

__all__ = ["PublishRefused", "Published", "Trial", "VersionTaken", "publish"]
logger = log.get("registry")


@dataclass(frozen=True, slots=True)
class Trial:
    """How many visitors get the release, and whether it is promoted by itself once it has done well.

    With `steps` it goes through them, and is promoted after the last.
    """

    percent: float = 0
    promotes: bool = False
    steps: str = ""


class VersionTaken(PublishRefused):
    """Another release has this version; a version stands for its bytes."""


@dataclass(frozen=True, slots=True)
class Published:
    """`changed` is False when this very release was live before. `notes` says what its authors should know."""

    fragment: str
    version: str
    digest: str
    changed: bool
    notes: tuple[str, ...] = ()
    trust: Trust = Trust.SANDBOXED
    findings: tuple[FindingView, ...] = ()
    content: str = ""
    environment: str = ""


async def publish(
    manifest_url: str,
    *,
    origins: Origins,
    actor: str,
    move: bool = False,
    pages: PageTable | None = None,
    bearer: Bearer | None = None,
    trust: Trust | None = None,
    only: str = "",
    trial: Trial | None = None,
    candidate: bool = False,
    check_only: bool = False,
    own_machine: bool = False,
    expect: str = "",
) -> Published:
    """Publish the release that `manifest_url` describes; raises `PublishRefused`.

    A fragment that is live stays with the origin that serves it: a manifest elsewhere that takes its name would be
    handed its players and their money. `move` says that the fragment has really gone there; among the origins that
    operators listed for it alone nobody has to. What its slots of `pages` will ask for is looked at, with `bearer` as
    somebody who is signed in. `trust` is an operator's word on this name; without one it is trusted as far as it was,
    and not at all where it is new. `only` is the one name that may be published, by a team that is trusted with it:
    then a version stands for its bytes, too (`VersionTaken`).
    With a `trial` it is not live, but for a share of visitors; a name that nothing is live of has no trial. A
    `candidate` stands in no page until it is previewed, tried or live; with `check_only` nothing is stored or audited.
    With `expect`, the content that the release has in another environment, nothing else is published.
    What is on a team's `own_machine` is a candidate from wherever it stands, and changes under one version.
    """

    async def trust_of_name(name: str) -> Trust:
        # Checked before any other request: a release that is not allowed causes no calls to origins.
        names.append(name)
        if only and name != only:
            raise PublishRefused(f"name: the manifest is {name}'s, and this may publish {only} alone")
        return trust or await sync_to_async(trust_of)(name)

    transport, names = _transport(), list[str]()
    try:
        lists = await sync_to_async(origins_by_fragment)()

        async def origins_of(name: str) -> Origins:
            return origins.of_fragment(name, lists)

        approved = (origins_of, sync_to_async(shown_of))
        fetcher = Fetcher(transport, origins.before_name(lists), trust_of_name, pages, bearer, *approved)
        copy = await fetcher.copy(manifest_url)
        check_content(copy, expect)
        assessed = await assess(copy, transport)
        # What operators listed as this fragment's own is no stranger's: blue and green, or one machine of several.
        move = move or own_machine or copy.manifest.name in lists
        into = _Into.NOWHERE if check_only else _Into.STORE if candidate or own_machine else _Into.PAGES
        versions_fixed = bool(only) and not own_machine
        return await sync_to_async(_store)(copy, assessed, actor, move, trust, versions_fixed, trial, into)
    except PublishRefused as refused:
        refused.findings = refused.findings or (refusal(str(refused), transport.response(manifest_url)),)
        if not check_only:
            await _record(only or next(iter(names), ""), actor, f"publish of {manifest_url[:200]}: {refused}")
        raise
    finally:
        await transport.aclose()


def _transport() -> RecordingTransport:
    """What fetches, from addresses that this installation may connect to, and remembers what came."""
    policy, rule = fetch_policy(), settings.FRAGMENT_ADDRESSES
    return RecordingTransport(Transport(policy) if rule is None else CheckedTransport(policy, rule))


@serialized
def _store(
    copy: Copy,
    assessed: Assessed,
    actor: str,
    move: bool,
    trust: Trust | None,
    versions_fixed: bool,
    trial: Trial | None,
    into: "_Into",
) -> Published:
    fragment, digest = copy.manifest.name, copy.digest()
    live = models.LiveRelease.objects.select_related("release").filter(fragment=fragment).first()
    if live is not None and not move and origin_of(live.release.manifest_url) != origin_of(copy.manifest_url):
        raise PublishRefused(
            f"name: {fragment} is live from {live.release.manifest_url}, and {copy.manifest_url} is another origin. "
            "Nothing was changed; if the fragment has moved, publish it with --move; if it lives at both, "
            "an operator lists both (`fragment origins`)"
        )
    if versions_fixed:
        _check_version(copy)
    held = _held_names(fragment)
    if clash := conflict(copy.names, held):
        raise PublishRefused(
            f"css: {clash}, and both would be the document's. Nothing was changed; give yours a name of its own"
        )
    waived = waived_rules(fragment)
    stage = Stage.LIVE if into is not _Into.STORE and (trial is None or live is None) else Stage.PUBLISH
    if errors := errors_before(assessed.findings, stage, waived):
        raise PublishRefused(_refusal(fragment, copy.manifest.version, errors), errors)
    trusted = trust is not None and set_trust(fragment, trust, actor=actor)
    release, added = _store_files(copy, digest)
    if into is _Into.PAGES:
        changed = _show(release, live, actor, trial)
    else:
        changed = added
        models.AuditEntry.objects.create(
            actor=actor, action="candidate", fragment=fragment, release=release, changes_pages=False
        )
    store_assessment(release, assessed, datetime.now(UTC))
    findings = tuple(views_of(assessed.findings, waived))
    # A check has gone all the way, so that a publish would: and leaves no trace.
    if into is _Into.NOWHERE:
        transaction.set_rollback(True)
    return Published(
        fragment,
        copy.manifest.version,
        digest,
        changed or trusted,
        (*copy.notes, *borrowed(copy.names, held)),
        copy.trust,
        findings,
        content=content_of(copy),
        environment=this_environment(),
    )


def _store_files(copy: Copy, digest: str) -> tuple[models.Release, bool]:
    """The row of this copy with its files, and whether it is new: what has the same bytes stands once."""
    uses = copy.uses.items()
    for asset in copy.files.values():
        models.Asset.objects.get_or_create(
            digest=asset.digest, defaults={"content_type": asset.content_type, "body": asset.body}
        )
    return models.Release.objects.get_or_create(
        fragment=copy.manifest.name,
        digest=digest,
        defaults={
            "version": copy.manifest.version,
            "manifest_url": copy.manifest_url,
            "manifest": copy.manifest_body,
            "fallback": copy.fallback,
            "css": list(copy.css),
            "js": list(copy.js),
            "files": {key: asset.digest for key, asset in copy.files.items()},
            "sources": dict(copy.sources),
            "content": content_of(copy),
            "folder": copy.folder,
            "lifted": list(copy.lifted),
            "names": {"declared": sorted(copy.names.declared), "used": sorted(copy.names.used)},
            # Without what is empty: a shell of another age may not have all of the fields.
            "uses": {key: {name: value for name, value in asdict(use).items() if value} for key, use in uses},
            "versioned": copy.versioned,
        },
    )


class _Into(Enum):
    """Where a release that was fetched and checked goes."""

    PAGES = "pages"
    STORE = "store"
    NOWHERE = "nowhere"


async def _record(fragment: str, actor: str, detail: str) -> None:
    """The publisher gets the reason of a refusal even if the database is down and the audit can not be written."""
    try:
        await sync_to_async(record_refusal)(fragment, actor=actor, detail=detail)
    except Error as error:
        logger.warning("refusal_unrecorded", fragment=fragment, detail=detail, error=str(error))


def _refusal(fragment: str, version: str, errors: Sequence[Finding]) -> str:
    """One sentence with each rule that is broken, and where; the findings say the rest."""
    places = [f"{each.field} ({each.place})" if each.place else each.field for each in errors[:3]]
    broken = "; ".join(f"{each.rule}: {place}: {each.message}" for place, each in zip(places, errors, strict=False))
    more = f"; and {len(errors) - 3} more" if len(errors) > 3 else ""
    return f"gate: {fragment} {version} breaks {broken}{more}. Nothing was changed"


def _show(release: models.Release, live: models.LiveRelease | None, actor: str, trial: Trial | None) -> bool:
    """Put `release` into pages, whole or on trial; False where it stands there already."""
    row = models.Rollout.objects.select_related("release").filter(fragment=release.fragment).first()
    if (live is not None and live.release_id == release.pk) or (row is not None and row.release_id == release.pk):
        return False
    if row is not None:
        raise PublishRefused(
            f"name: {row.release.version} of {release.fragment} is on trial; promote it or roll it back first. Nothing "
            "was changed"
        )
    now = datetime.now(UTC)
    if trial is None or live is None:
        go_live(release.fragment, release, now=now)
        models.AuditEntry.objects.create(actor=actor, action="published", fragment=release.fragment, release=release)
        return True
    try:
        begin(release, percent=trial.percent, promotes=trial.promotes, actor=actor, now=now, steps=trial.steps)
    except RolloutRefused as error:
        raise PublishRefused(str(error)) from error
    return True


def _check_version(copy: Copy) -> None:
    """Raises `VersionTaken` where other bytes have this version; from which address they come decides nothing."""
    fragment, version = copy.manifest.name, copy.manifest.version
    for row in models.Release.objects.filter(fragment=fragment, version=version):
        if not _same_bytes(row, copy):
            raise VersionTaken(
                f"version: {fragment} {version} was published with other bytes ({row.digest[:12]}). Nothing was "
                "changed; give this release a version of its own"
            )


def _same_bytes(row: models.Release, copy: Copy) -> bool:
    """Whether the origin sent the same both times, whatever this shell or an earlier one has written of it.

    A picture that stands in one of two answers only is not another release; an entry file is.
    """
    if (bytes(row.manifest), bytes(row.fallback)) != (copy.manifest_body, copy.fallback):
        return False
    if row.sources is None:  # from before they were stored
        return dict(row.files) == {key: asset.digest for key, asset in copy.files.items()}
    entries = ({*row.css, *row.js}, {*copy.css, *copy.js})
    return entries[0] == entries[1] and all(copy.sources.get(key, sent) == sent for key, sent in row.sources.items())


def _held_names(fragment: str) -> list[tuple[str, DocumentNames]]:
    """Whose names the document has already: the shell's, and those of every other fragment that is live."""
    held = [("the shell", shell_names())]
    for live in models.LiveRelease.objects.select_related("release").exclude(fragment=fragment):
        names = {kind: frozenset(each) for kind, each in live.release.names.items()}
        held.append((live.fragment, DocumentNames(**names)))
    return held
