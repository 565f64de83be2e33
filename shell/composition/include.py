"""One include: an attempt to fill a slot. It answers an outcome and never raises.

Public: `Included`, `Includer`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bff.resilience import log
from bff.resilience.deadline import Deadline
from bff.resilience.last_good import Fetched, Key, LastGood
from bff.resilience.message import Response
from bff.resilience.outcome import Failure, Outcome, State
from bff.resilience.policy import KeepPolicy
from bff.resilience.reason import Reason
from shell.composition import metrics
from shell.composition.asking import Bearer, content_request
from shell.composition.body import Body, contained_fallback, read
from shell.composition.page import Slot, Visit
from shell.composition.release import Release, Snapshot
from shell.composition.upstreams import Upstreams

logger = log.get("include")


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
        last_good: LastGood[Body] | None = None,
        watch: Callable[[Included], None] = lambda included: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._upstreams = upstreams
        self._bearer = bearer
        self._last_good = last_good or LastGood(KeepPolicy(), clock=clock)
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
            included = lowered(slot, visit, release, Failure(Reason.INTERNAL))
        timed = replace(included, ms=round((self._clock() - began) * 1000))
        _tell(timed, visit)
        self._watch(timed)
        return timed

    async def aclose(self) -> None:
        """Wait for what is still fetched."""
        await self._last_good.aclose()

    async def _fill(self, slot: Slot, visit: Visit, release: Release | None, page_deadline: Deadline) -> Included:
        if release is None:
            return lowered(slot, visit, None, Failure(Reason.NOT_PUBLISHED, f"no release of {slot.fragment} is live"))
        deadline = page_deadline.within(self._clock(), release.manifest.mullion.deadline_ms)

        async def fetch() -> Fetched[Body] | Failure:
            return await self._fetch(slot, visit, release, deadline)

        ended = await self._last_good.get(
            _key(slot, visit, release), fetch, stale_s_max=release.manifest.mullion.stale_s_max
        )
        if isinstance(ended, Failure):
            return lowered(slot, visit, release, ended)
        return raised(slot, release, ended)

    async def _fetch(self, slot: Slot, visit: Visit, release: Release, deadline: Deadline) -> Fetched[Body] | Failure:
        bodies: list[Body] = []

        def judge(response: Response) -> Failure | None:
            said = read(slot, visit, release, response)
            if isinstance(said, Failure):
                return said
            bodies.append(said)
            return None

        request = content_request(release, slot, visit, self._bearer)
        answer = await self._upstreams.of(release).call(request, deadline, judge=judge)
        if isinstance(answer, Failure):
            return answer
        body = bodies[-1]
        # Only what is wholly good may stand in later, and only for the plain view: a receipt is shown once.
        keep = body.said is None and not visit.receipts.get(slot.name)
        return Fetched(body, len(body.html), answer.headers, keep=keep)


def raised(slot: Slot, release: Release, outcome: Outcome[Body]) -> Included:
    """What a fragment said, now or when it was last well."""
    body = outcome.value
    if outcome.state is State.STALE:
        return Included(
            slot, State.STALE, body.html, release, outcome.reason, outcome.detail, outcome.as_of, body.status
        )
    if body.said is not None:
        return Included(slot, State.DEGRADED, body.html, release, body.said, as_of=body.as_of, status=body.status)
    return Included(slot, State.FRESH, body.html, release, as_of=outcome.as_of, status=body.status)


def lowered(slot: Slot, visit: Visit, release: Release | None, failure: Failure) -> Included:
    """The rungs below: the release's own fallback, else the shell's card."""
    html = b""
    # To somebody who may not see it, "it is broken" would be a lie: the shell's card asks them to sign in.
    if release is not None and failure.reason is not Reason.UNAUTHORISED:
        html = contained_fallback(slot, visit, release)
    return Included(
        slot,
        State.FALLBACK if html else State.PLACEHOLDER,
        html,
        release,
        failure.reason,
        failure.detail,
        status=failure.status,
        retry_after_ms=failure.retry_after_ms,
    )


def _key(slot: Slot, visit: Visit, release: Release) -> Key:
    """Whose copy of what. The prefix stands for page, parameters and slot; it is part of the HTML, as is the query."""
    parts = (
        release.fragment,
        release.digest,
        slot.path(visit.params),
        visit.page.prefix(slot, visit.params),
        visit.query_string(slot),
        visit.locale,
        visit.currency,
        visit.device,
    )
    if release.manifest.mullion.audience == "shared":
        return Key.for_everybody("shared", *parts)
    if visit.player:
        return Key.for_player(visit.player, *parts)
    return Key.for_everybody("visitor", *parts)


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
