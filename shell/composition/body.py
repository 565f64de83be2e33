"""What a fragment's answer is worth: its own words, contained, or why they can not stand in the page.

Public: `Body`, `read`, `contained_fallback`, `said_state`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from django.conf import settings

from bff.contracts import headers
from bff.resilience import log
from bff.resilience.message import Response
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from shell.composition.contain import Isolation, LinkPolicy, Refused, contain
from shell.composition.page import Slot, Visit
from shell.composition.release import Release

# Statuses that say something about the asking and not about the upstream.
_SAID_NO = {401: Reason.UNAUTHORISED, 403: Reason.UNAUTHORISED, 404: Reason.NOT_FOUND, 410: Reason.NOT_FOUND}
_FEED_REASONS = (Reason.FEED_STALE, Reason.FEED_DOWN, Reason.ENGINE_DOWN, Reason.STORE_DOWN)
_CONTENT = frozenset({200})

logger = log.get("contain")


@dataclass(frozen=True, slots=True)
class Body:
    """Contained HTML. `said` is why the fragment calls itself degraded, None when it says that all is well."""

    html: bytes
    status: int
    said: Reason | None = None
    as_of: datetime | None = None


def read(
    slot: Slot, visit: Visit, release: Release, response: Response, *, accept: frozenset[int] = _CONTENT
) -> Body | Failure:
    """The body of `response`, or the failure that it is."""
    status = response.status
    if status not in accept:
        reason = _SAID_NO.get(status, Reason.REDIRECT if 300 <= status < 400 else Reason.REJECTED)
        return Failure(reason, f"answered {status}", status=status)
    contained = contain(
        response.body,
        response.headers.get("content-type"),
        prefix=visit.page.prefix(slot, visit.params),
        isolation=release.manifest.mullion.isolation,
        links=_links(release.manifest.mullion.links),
    )
    if isinstance(contained, Refused):
        return Failure(contained.reason, contained.detail, status=status)
    if not contained.html.strip():
        return Failure(Reason.EMPTY, f"nothing in it may stand in a page: {', '.join(contained.notes) or 'no words'}")
    if contained.notes:
        _say(slot.fragment, release.manifest.version, contained.notes)
    if not response.headers.get(headers.VERSION):
        return Failure(Reason.NOT_A_FRAGMENT, f"answered {status} without {headers.VERSION}", status=status)
    said, as_of = said_state(response.headers.get(headers.STATE), datetime.now(UTC))
    return Body(contained.html, status, said, as_of)


def contained_fallback(slot: Slot, visit: Visit, release: Release) -> bytes:
    """The release's own fallback for this slot; empty when it has none."""
    if not release.fallback:
        return b""
    prefix = visit.page.prefix(slot, visit.params)
    said = release.manifest.mullion
    return _contained(release.fallback, prefix, said.isolation, said.links)


# Beside containment's own memory, which a flood of other bodies may empty: in an outage this is asked for all the time.
@lru_cache(maxsize=64)
def _contained(fallback: bytes, prefix: str, isolation: Isolation, origins: tuple[str, ...]) -> bytes:
    links = _links(origins)
    contained = contain(fallback, "text/html; charset=utf-8", prefix=prefix, isolation=isolation, links=links)
    return b"" if isinstance(contained, Refused) else contained.html


@lru_cache(maxsize=256)
def _links(origins: tuple[str, ...]) -> LinkPolicy:
    return LinkPolicy(origins=frozenset(origins), media_origins=frozenset(settings.MEDIA_ORIGINS))


@lru_cache(maxsize=1024)
def _say(fragment: str, version: str, notes: tuple[str, ...]) -> None:
    """Tell a release's authors what a page shows their HTML without; once, as every body would say it again."""
    logger.warning("contained", fragment=fragment, version=version, taken_out=list(notes))


def said_state(value: str | None, now: datetime) -> tuple[Reason | None, datetime | None]:
    """(reason, as of) of a `Fragment-State` header; (None, None) when the fragment says that all is well.

    A fragment may only speak of its feed: any other word counts as `feed_down`. A moment without a zone says nothing,
    and what is said to be true as of later than `now` is true as of now at most.
    """
    word, _, rest = (value or "").partition(";")
    if word.strip().lower() != "degraded":
        return None, None
    said = dict(part.strip().partition("=")[::2] for part in rest.split(";"))
    reason = next((known for known in _FEED_REASONS if known == said.get("reason", "")), Reason.FEED_DOWN)
    try:
        as_of = datetime.fromisoformat(said["as-of"])
        return reason, min(as_of.astimezone(UTC), now) if as_of.tzinfo else None
    except (KeyError, ValueError, OverflowError):
        return reason, None
