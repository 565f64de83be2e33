"""One include: an attempt to fill a slot. It answers an outcome and never raises.

Public: `Included`, `Includer`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bff.contracts import headers
from bff.resilience import log
from bff.resilience.deadline import Deadline
from bff.resilience.message import Response
from bff.resilience.outcome import Failure, State
from bff.resilience.reason import Reason
from shell.composition import metrics
from shell.composition.asking import Bearer, content_request
from shell.composition.contain import LinkPolicy, Refused, contain
from shell.composition.page import Slot, Visit
from shell.composition.release import Release, Snapshot
from shell.composition.upstreams import Upstreams

logger = log.get("include")

# Statuses that say something about the asking and not about the upstream.
_SAID_NO = {401: Reason.UNAUTHORISED, 403: Reason.UNAUTHORISED, 404: Reason.NOT_FOUND, 410: Reason.NOT_FOUND}
_FEED_REASONS = (Reason.FEED_STALE, Reason.FEED_DOWN, Reason.ENGINE_DOWN, Reason.STORE_DOWN)


@dataclass(frozen=True, slots=True)
class Included:
    """What fills the slot. `html` is contained; it is empty where the shell draws its own card.

    `status` is the fragment's answer, None without one; `ms` is what the include took.
    """

    slot: Slot
    state: State
    html: bytes
    release: Release | None
    reason: Reason | None = None
    detail: str = ""
    as_of: datetime | None = None
    status: int | None = None
    retry_after_ms: int | None = None
    ms: int = 0

    @property
    def version(self) -> str:
        return self.release.manifest.version if self.release else ""


class Includer:
    """Fills slots, one at a time and independent of each other. `watch` sees every outcome."""

    def __init__(
        self,
        upstreams: Upstreams,
        bearer: Bearer,
        *,
        watch: Callable[[Included], None] = lambda included: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._upstreams = upstreams
        self._bearer = bearer
        self._watch = watch
        self._clock = clock

    async def include(self, slot: Slot, visit: Visit, snapshot: Snapshot, page_deadline: Deadline) -> Included:
        """The outcome for `slot`, within its release's deadline and the page's. Only cancellation passes through."""
        began = self._clock()
        release = snapshot.releases.get(slot.fragment)
        try:
            included = await self._fill(slot, visit, release, page_deadline)
        except Exception:
            logger.exception("include_broke", fragment=slot.fragment, slot=slot.name)
            included = _lower(slot, visit, release, Failure(Reason.INTERNAL))
        timed = replace(included, ms=round((self._clock() - began) * 1000))
        _tell(timed, visit)
        self._watch(timed)
        return timed

    async def _fill(self, slot: Slot, visit: Visit, release: Release | None, page_deadline: Deadline) -> Included:
        if release is None:
            return _lower(slot, visit, None, Failure(Reason.NOT_PUBLISHED, f"no release of {slot.fragment} is live"))
        deadline = page_deadline.within(self._clock(), release.manifest.mullion.deadline_ms)
        request = content_request(release, slot, visit, self._bearer)
        answer = await self._upstreams.of(release).call(request, deadline)
        if isinstance(answer, Failure):
            return _lower(slot, visit, release, answer)
        return judge(slot, visit, release, answer)


def judge(
    slot: Slot, visit: Visit, release: Release, response: Response, *, accept: frozenset[int] = frozenset({200})
) -> Included:
    """What a fragment's answer is worth: its own words, contained, or the next rung."""
    if response.status not in accept:
        reason = _SAID_NO.get(response.status, Reason.REDIRECT if 300 <= response.status < 400 else Reason.REJECTED)
        return _lower(slot, visit, release, Failure(reason, f"answered {response.status}", status=response.status))
    contained = contain(
        response.body,
        response.headers.get("content-type"),
        prefix=visit.page.prefix(slot, visit.params),
        isolation=release.manifest.mullion.isolation,
        links=LinkPolicy(),
    )
    if isinstance(contained, Refused):
        failure = Failure(contained.reason, contained.detail, status=response.status)
        return _lower(slot, visit, release, failure)
    said, as_of = said_state(response.headers.get(headers.STATE))
    state = State.DEGRADED if said else State.FRESH
    return Included(slot, state, contained.html, release, said, as_of=as_of, status=response.status)


def said_state(value: str | None) -> tuple[Reason | None, datetime | None]:
    """(reason, as of) of a `Fragment-State` header; (None, None) when the fragment says that all is well.

    A fragment may only speak of its feed: any other word counts as `feed_down`.
    """
    word, _, rest = (value or "").partition(";")
    if word.strip().lower() != "degraded":
        return None, None
    said = dict(part.strip().partition("=")[::2] for part in rest.split(";"))
    reason = next((known for known in _FEED_REASONS if known == said.get("reason", "")), Reason.FEED_DOWN)
    try:
        return reason, datetime.fromisoformat(said["as-of"])
    except (KeyError, ValueError):
        return reason, None


def _lower(slot: Slot, visit: Visit, release: Release | None, failure: Failure) -> Included:
    """The next rung down: the release's own fallback, else the shell's card."""
    state, html = State.PLACEHOLDER, b""
    if release is not None and release.fallback and failure.reason is not Reason.UNAUTHORISED:
        stored = contain(
            release.fallback,
            "text/html; charset=utf-8",
            prefix=visit.page.prefix(slot, visit.params),
            isolation=release.manifest.mullion.isolation,
            links=LinkPolicy(),
        )
        if not isinstance(stored, Refused):
            state, html = State.FALLBACK, stored.html
    return Included(
        slot,
        state,
        html,
        release,
        failure.reason,
        failure.detail,
        status=failure.status,
        retry_after_ms=failure.retry_after_ms,
    )


def _tell(included: Included, visit: Visit) -> None:
    """Says the outcome once in the log and once in the metrics."""
    reason = str(included.reason or "")
    metrics.INCLUDES.labels(included.slot.fragment, str(included.state), reason).inc()
    metrics.INCLUDE_SECONDS.labels(included.slot.fragment).observe(included.ms / 1000)
    say = logger.debug if included.state is State.FRESH else logger.warning
    say(
        "included",
        page=visit.page.name,
        slot=included.slot.name,
        fragment=included.slot.fragment,
        version=included.version,
        state=str(included.state),
        reason=reason,
        detail=included.detail,
        ms=included.ms,
    )
