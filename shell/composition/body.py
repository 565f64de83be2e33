"""From a fragment's response to contained HTML, or to the reason why it can not be shown.

Public: `Body`, `read_body`, `is_empty`, `content_type_of`, `contained_fallback`, `links_of`, `link_policy`,
`FragmentState`, `read_state`, `UNDECLARED`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from django.conf import settings

from bff.contracts import headers
from bff.contracts.manifest import VERSION_CHARS_MAX, Extension
from bff.contracts.page_head import PageHead
from bff.contracts.text import is_plain
from bff.resilience import log
from bff.resilience.judgement import reason_of_status
from bff.resilience.message import Response
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import PROPERTIES
from shell.composition.contain import Contained, Isolation, LinkPolicy, Refusal, contain, shows_nothing
from shell.composition.contain.pictures import NO_FILES, CopiedFiles
from shell.composition.include import Include
from shell.composition.page_head import page_head_of
from shell.composition.release import NO_FOREIGN_ORIGINS, ForeignOrigins, Release

# The reasons a fragment may give for being degraded, by the words that it gives.
_FRAGMENT_REASONS = {str(reason): reason for reason in Reason if PROPERTIES[reason].fragments_say}
_RETRY = re.compile(r"[1-9][0-9]{0,4}")
UNDECLARED = "undeclared"
_CONTENT = frozenset({200})
# Attributes that tell the page's scripts to fill the element: htmx requests and live values of feeds.
_ACTS = re.compile(rb' (?:data-)?(?:hx|live)-?[a-z-]*="')

logger = log.get("contain")


@dataclass(frozen=True, slots=True)
class Body:
    """Contained HTML. `degraded` is the reason why the fragment calls itself degraded; None when it reports no trouble.

    `upstream` is the failed upstream of the fragment, by a name that its manifest declares; `retry_after_ms` is the
    fragment's own estimate of when it recovers. `version_seen` is the version that the origin declares, where it
    differs from the release's. `page_head` is what a primary slot says of its page.
    """

    html: bytes
    status: int
    degraded: Reason | None = None
    as_of: datetime | None = None
    upstream: str = ""
    retry_after_ms: int | None = None
    version_seen: str = ""
    page_head: PageHead | None = None


def read_body(include: Include, response: Response, *, accept: frozenset[int] = _CONTENT) -> Body | Failure:
    """The body of `response`, or the failure that the response counts as."""
    status, release = response.status, include.published
    manifest = release.manifest
    declared = manifest.mullion
    if status not in accept:
        return Failure(reason_of_status(status), f"answered {status}", status=status)
    contained = contain(
        response.body,
        content_type_of(response),
        prefix=include.prefix,
        isolation=release.isolation,
        links=links_of(release),
        sandboxed=release.sandboxed,
        places=include.places,
    )
    if isinstance(contained, Refusal):
        return Failure(contained.reason, contained.detail, status=status)
    if is_empty(release, contained):
        return Failure(Reason.EMPTY, f"nothing of it can be seen: {', '.join(contained.notes) or 'no words'}")
    if contained.notes:
        _log_taken_out(include.slot.fragment, manifest.version, contained.notes)
    version = response.headers.get(headers.VERSION)
    if release.versioned and not version:
        return Failure(Reason.NOT_A_FRAGMENT, f"answered {status} without {headers.VERSION}", status=status)
    seen = "" if version is None or version == manifest.version else _version_seen(manifest.version, version)
    state = read_state(response.headers.get(headers.STATE), datetime.now(UTC), declared)
    if state is None:
        return Body(contained.html, status, version_seen=seen, page_head=page_head_of(include, response))
    return Body(
        contained.html,
        status,
        state.reason,
        state.as_of,
        state.upstream,
        state.retry_after_ms,
        seen,
        page_head_of(include, response),
    )


def is_empty(release: Release, contained: Contained) -> bool:
    """Whether a page would show nothing of this body. A body without visible content still counts as content if the
    script of a trusted release may fill it, or if its author wrote it empty for a stylesheet to draw; it does not if
    containment emptied it.
    """
    if not contained.blank:
        return False
    if not release.sandboxed and (release.js or _ACTS.search(contained.html)):
        return shows_nothing(contained.html)
    return bool(contained.notes) or not release.css or shows_nothing(contained.html)


def _version_seen(live: str, version: str) -> str:
    """The version that answered, where it is not the live one: a deployment that was not published, or one that was
    rolled back at the origin.
    """
    seen = version.strip()
    return "" if seen == live.strip() or not is_plain(seen) else seen[:VERSION_CHARS_MAX]


def content_type_of(response: Response) -> str | None:
    """The response's content type. Podlets omit the header on routes other than their content's; an answer with
    `podlet-version` counts as HTML.
    """
    declared = response.headers.get("content-type")
    return "text/html" if declared is None and response.headers.get(headers.VERSION) else declared


def contained_fallback(include: Include) -> bytes:
    """The release's own fallback for this slot; empty when it has none."""
    release = include.release
    if release is None or not release.fallback:
        return b""
    return _contained(
        release.fallback, include.prefix, release.isolation, links_of(release), release.sandboxed, include.places
    )


# A cache apart from containment's own, which a flood of other bodies may evict: in an outage fallbacks are needed for
# every page.
@lru_cache(maxsize=64)
def _contained(
    fallback: bytes, prefix: str, isolation: Isolation, links: LinkPolicy, sandboxed: bool, places: tuple[str, ...]
) -> bytes:
    contained = contain(
        fallback,
        "text/html; charset=utf-8",
        prefix=prefix,
        isolation=isolation,
        links=links,
        sandboxed=sandboxed,
        places=places,
    )
    return b"" if isinstance(contained, Refusal) else contained.html


def links_of(release: Release) -> LinkPolicy:
    """Where the HTML of `release` may point."""
    declared = release.manifest.mullion
    return link_policy(declared.links, declared.pictures, release.pictures, release.sheets, release.shown)


@lru_cache(maxsize=256)
def link_policy(
    origins: tuple[str, ...],
    picture_origins: tuple[str, ...] = (),
    pictures: CopiedFiles = NO_FILES,
    sheets: CopiedFiles = NO_FILES,
    shown: ForeignOrigins = NO_FOREIGN_ORIGINS,
) -> LinkPolicy:
    """Where the HTML of a release may point whose manifest declares these origins; operators approved the others."""
    return LinkPolicy(
        origins=frozenset(origins),
        # Declared by the manifest and approved by operators: neither alone lets a foreign picture in.
        picture_origins=frozenset(picture_origins) & {*settings.PICTURE_ORIGINS, *shown.pictures},
        pictures=pictures,
        sheets=sheets,
        media_origins=frozenset(settings.MEDIA_ORIGINS),
        frame_origins=frozenset([*settings.FRAME_ORIGINS, *shown.frames]),
    )


@lru_cache(maxsize=1024)
def _log_taken_out(fragment: str, version: str, notes: tuple[str, ...]) -> None:
    """Log for a release's authors what containment removed from their HTML; once, as every further body would repeat
    it.
    """
    logger.warning("html_taken_out", fragment=fragment, version=version, taken_out=list(notes))


@dataclass(frozen=True, slots=True)
class FragmentState:
    """The state that a fragment declares for itself when it is degraded."""

    reason: Reason
    as_of: datetime | None = None
    upstream: str = ""
    retry_after_ms: int | None = None


def read_state(value: str | None, now: datetime, declared: Extension) -> FragmentState | None:
    """A `Fragment-State` header, None when the fragment says that all is well.

    A reason that fragments may not use counts as `feed_down`, an upstream that the manifest does not declare as
    `undeclared`. An `as-of` without a time zone is ignored, and one later than `now` counts as `now`.
    """
    word, _, rest = (value or "").partition(";")
    if word.strip().lower() != "degraded":
        return None
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(";"))
    reason = _FRAGMENT_REASONS.get(fields.get("reason", ""), Reason.FEED_DOWN)
    upstream, retry = fields.get("upstream", ""), fields.get("retry-after-ms", "")
    if upstream and upstream not in declared.upstreams and upstream not in declared.feeds:
        upstream = UNDECLARED
    return FragmentState(
        reason, _as_of(fields.get("as-of", ""), now), upstream, int(retry) if _RETRY.fullmatch(retry) else None
    )


def _as_of(written: str, now: datetime) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written)
        return min(moment.astimezone(UTC), now) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
