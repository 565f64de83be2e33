"""One include: an attempt to fill a slot. It answers an outcome and never raises.

Public: `Includer`.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from bff.resilience import log
from bff.resilience.deadline import Deadline
from bff.resilience.last_good import Fetched, Key, LastGood
from bff.resilience.message import Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import KeepPolicy
from bff.resilience.reason import Reason
from shell.composition.asking import Bearer, content_request
from shell.composition.body import Body, read
from shell.composition.ladder import Included, lowered, raised
from shell.composition.page import Slot, Visit
from shell.composition.release import Release, Snapshot
from shell.composition.telling import Teller
from shell.composition.upstreams import Upstreams

logger = log.get("include")


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
        self._teller = Teller()
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
        self._teller.tell(timed, visit)
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


def _key(slot: Slot, visit: Visit, release: Release) -> Key:
    """Whose copy of what. The prefix stands for page, parameters and slot; it is part of the HTML."""
    parts = (
        release.fragment,
        release.digest,
        slot.path(visit.params),
        visit.page.prefix(slot, visit.params),
        visit.locale,
        visit.currency,
        visit.device,
    )
    if release.manifest.mullion.audience == "shared":
        return Key.for_everybody("shared", *parts)
    if visit.player:
        return Key.for_player(visit.player, *parts)
    return Key.for_everybody("visitor", *parts)
