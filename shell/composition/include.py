"""One include: an attempt to fill a slot. It answers an outcome and never raises.

Public: `Includer`.
"""

import time
from collections.abc import Callable

from msgspec import structs

from bff.resilience import log
from bff.resilience.deadline import Deadline
from bff.resilience.last_good import Fetched, Key, LastGood
from bff.resilience.message import Response
from bff.resilience.outcome import Failure, Outcome
from bff.resilience.policy import LastGoodPolicy
from bff.resilience.reason import Reason
from shell.composition.body import Body, read
from shell.composition.ladder import Included, included_from_failure, included_from_outcome
from shell.composition.outcome_log import OutcomeLog
from shell.composition.page import Slot, Visit
from shell.composition.release import Release, Snapshot
from shell.composition.requests import Bearer, content_request
from shell.composition.upstreams import Upstreams

logger = log.get("include")

# A flood of odd addresses empties the memory; it does not fill it.
_SHUT_MAX = 1024


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
        self._last_good = last_good or LastGood(LastGoodPolicy(), clock=clock)
        self._watch = watch
        self._outcome_log = OutcomeLog()
        # What was made of the last refusal where all visitors are shown the same.
        self._shut: dict[tuple[str, ...], tuple[Failure, Included]] = {}
        self._clock = clock

    async def include(self, slot: Slot, visit: Visit, snapshot: Snapshot, page_deadline: Deadline) -> Included:
        """The outcome for `slot`, within its release's deadline and the page's. Only cancellation passes through."""
        began = self._clock()
        release = snapshot.releases.get(slot.fragment)
        try:
            included = await self._fill(slot, visit, release, page_deadline)
        except Exception:
            logger.exception("include_broke", fragment=slot.fragment, slot=slot.name)
            included = included_from_failure(slot, visit, release, Failure(Reason.INTERNAL))
        return self._told(structs.replace(included, ms=round((self._clock() - began) * 1000)), visit)

    def at_once(self, slot: Slot, visit: Visit, snapshot: Snapshot) -> Included | None:
        """The outcome that is known without asking anybody: a copy that is fresh, or a door that is shut. Else None."""
        release = snapshot.releases.get(slot.fragment)
        try:
            included = self._look(slot, visit, release)
        except Exception:
            logger.exception("include_broke", fragment=slot.fragment, slot=slot.name)
            included = included_from_failure(slot, visit, release, Failure(Reason.INTERNAL))
        return None if included is None else self._told(included, visit)

    def _look(self, slot: Slot, visit: Visit, release: Release | None) -> Included | None:
        if release is None:
            return _not_published(slot, visit)
        refusal = self._upstreams.of(release).refusal
        place = None if visit.player else _place(slot, visit)
        known = None if place is None else self._shut.get(place)
        if known is not None and known[1].release is release:
            said = refusal()
            if said is known[0]:
                return known[1]
            if said is not None:
                refusal = lambda: said  # noqa: E731  it has been counted
        ended = self._last_good.at_once(
            _key(slot, visit, release),
            refusal,
            stale_s_max=release.manifest.mullion.stale_s_max,
            unshared=visit.asks_for_its_own(slot),
        )
        if not isinstance(ended, Failure):
            return None if ended is None else included_from_outcome(slot, release, ended)
        included = included_from_failure(slot, visit, release, ended)
        if place is not None:
            if len(self._shut) >= _SHUT_MAX:
                self._shut.clear()
            included = structs.replace(included, shared=True)
            self._shut[place] = ended, included
        return included

    async def aclose(self) -> None:
        """Wait for what is still fetched."""
        await self._last_good.aclose()

    def _told(self, included: Included, visit: Visit) -> Included:
        self._outcome_log.record(included, visit)
        self._watch(included)
        return included

    async def _fill(self, slot: Slot, visit: Visit, release: Release | None, page_deadline: Deadline) -> Included:
        if release is None:
            return _not_published(slot, visit)
        deadline = page_deadline.within(self._clock(), release.manifest.mullion.deadline_ms)

        key = _key(slot, visit, release)

        async def fetch() -> Fetched[Body] | Failure:
            return await self._fetch(slot, visit, release, deadline, key)

        ended = await self._last_good.get(
            key,
            fetch,
            stale_s_max=release.manifest.mullion.stale_s_max,
            unshared=visit.asks_for_its_own(slot),
        )
        return _standing(slot, visit, release, ended)

    async def _fetch(
        self, slot: Slot, visit: Visit, release: Release, deadline: Deadline, key: Key
    ) -> Fetched[Body] | Failure:
        bodies: list[Body] = []

        def judge(response: Response) -> Failure | None:
            said = read(slot, visit, release, response)
            if isinstance(said, Failure):
                return said
            bodies.append(said)
            return None

        request = content_request(release, slot, visit, self._bearer)
        answer = await self._upstreams.of(release).call(request, deadline, judge=judge, resource=key)
        if isinstance(answer, Failure):
            return answer
        self._upstreams.healthy(release, slot, visit)
        body = bodies[-1]
        # Only what is wholly good may stand in later, and only for the plain view: a receipt is shown once, and how far
        # one player's writes have come is nothing to others.
        keep = body.said is None and not visit.receipts.get(slot.name) and (bool(key.player) or not visit.min_sequence)
        return Fetched(body, len(body.html), answer.headers, keep=keep)


def _not_published(slot: Slot, visit: Visit) -> Included:
    return included_from_failure(
        slot, visit, None, Failure(Reason.NOT_PUBLISHED, f"no release of {slot.fragment} is live")
    )


def _standing(slot: Slot, visit: Visit, release: Release, ended: Outcome[Body] | Failure) -> Included:
    return (
        included_from_failure(slot, visit, release, ended)
        if isinstance(ended, Failure)
        else included_from_outcome(slot, release, ended)
    )


def _place(slot: Slot, visit: Visit) -> tuple[str, ...]:
    """What decides which copy a visitor of this slot could be shown; a release has slots of its own."""
    asked = visit.query_string(slot) if slot.query else ""
    return (visit.page.name, slot.name, asked, visit.locale, visit.currency, visit.device, *visit.params.values())


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
    if release.manifest.mullion.audience_of(slot.path(visit.params)) == "shared":
        return Key.for_everybody("shared", *parts)
    if visit.player:
        return Key.for_player(visit.player, *parts)
    return Key.for_everybody("visitor", *parts)
