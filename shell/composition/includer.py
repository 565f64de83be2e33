"""Carries out includes. Each ends in an outcome and never raises.

Public: `Includer`.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from bff.contracts.load_class import LoadClass
from bff.resilience import log
from bff.resilience.deadline import Deadline
from bff.resilience.last_good import Fetched, LastGood
from bff.resilience.message import Response
from bff.resilience.outcome import Failure, Outcome
from bff.resilience.partition import PARTITIONS_MAX, PerPartition, current
from bff.resilience.policies import house_policy
from bff.resilience.policy import LastGoodPolicy
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import LATE
from shell.composition.body import Body, read_body
from shell.composition.function_calls import FunctionCalls
from shell.composition.include import Include
from shell.composition.ladder import Included, included_from_failure, included_from_outcome
from shell.composition.outage import Outages
from shell.composition.outcome_log import OutcomeLog
from shell.composition.requests import Bearer, content_request
from shell.composition.upstreams import Upstreams

# How long the slot waits before it asks again, when load may have dropped.
_SPARED = Failure(Reason.SHED, "there is too much to do here", 2000)

logger = log.get("include")


class Includer:
    """Fills slots, one at a time and independent of each other. `watch` is called with every outcome, except those of
    partitions. `spares` tells for a load class whether the shell is so overloaded that its visits get the last good
    copy without a call, where there is one.
    """

    def __init__(
        self,
        upstreams: Upstreams,
        bearer: Bearer,
        *,
        last_good: LastGood[Body] | None = None,
        watch: Callable[[Included], None] = lambda included: None,
        spares: Callable[[LoadClass], bool] = lambda load_class: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._upstreams = upstreams
        self._bearer = bearer
        policy = house_policy("last-good", LastGoodPolicy())
        self._last_good = last_good or LastGood(policy, clock=clock)
        # A preview's copies are used for no other visitor, and stay in this process.
        small = replace(policy, bytes_max=policy.bytes_max // PARTITIONS_MAX)
        self._of_previews = PerPartition(lambda partition: LastGood[Body](small, clock=clock, own=partition))
        self._watch = watch
        self._spares = spares
        self._outcome_log = OutcomeLog()
        self._outages = Outages()
        self._clock = clock
        self.functions = FunctionCalls(self._late, clock)

    async def include(self, include: Include, page_deadline: Deadline) -> Included:
        """The outcome, within the release's deadline and the page's. Only cancellation passes through."""
        began = self._clock()
        try:
            included = await self._fill(include, page_deadline)
        except Exception:
            logger.exception("include_broke", fragment=include.slot.fragment, slot=include.slot.name)
            included = included_from_failure(include, Failure(Reason.INTERNAL))
        return self._recorded(structs.replace(included, ms=round((self._clock() - began) * 1000)), include)

    def immediate(self, include: Include) -> Included | None:
        """The outcome that takes no call: a copy that is fresh, or the refusal of a guard. Else None."""
        try:
            included = self._immediate(include)
        except Exception:
            logger.exception("include_broke", fragment=include.slot.fragment, slot=include.slot.name)
            included = included_from_failure(include, Failure(Reason.INTERNAL))
        return None if included is None else self._recorded(included, include)

    def _immediate(self, include: Include) -> Included | None:
        if include.release is None:
            return _not_published(include)
        guard = self._upstreams.of(include.release)
        refusal = guard.refusal
        repeatable = not include.visit.player and current() is None
        shown = self._outages.find(include) if repeatable else None
        if shown is not None and shown.repeated is not None:
            counted = refusal()
            if counted is shown.repeated.refusal:
                return shown
            if counted is not None:
                refusal = lambda: counted  # noqa: E731  asking again would count it twice
        if guard.own().breaker.held and (held := refusal()) is not None:
            # What an operator holds back may be wrong, and then its copies are.
            return self._refused(include, held, repeatable=repeatable)
        if self._spares(include.visit.load_class) and not include.unshared:
            spared = self._copies.at_once(
                include.key, lambda: _SPARED, stale_s_max=include.release.manifest.mullion.stale_s_max
            )
            if isinstance(spared, Outcome):
                return _included(include, spared)
        ended = self._copies.at_once(
            include.key, refusal, stale_s_max=include.release.manifest.mullion.stale_s_max, unshared=include.unshared
        )
        if ended is None:
            return None
        if isinstance(ended, Failure):
            return self._refused(include, ended, repeatable=repeatable)
        return _included(include, ended)

    def _refused(self, include: Include, failure: Failure, *, repeatable: bool) -> Included:
        included = included_from_failure(include, failure)
        return self._outages.keep(include, failure, included) if repeatable else included

    async def aclose(self) -> None:
        """Wait for what is still fetched."""
        await self._last_good.aclose()
        for copies in self._of_previews.apart():
            await copies.aclose()

    @property
    def _copies(self) -> LastGood[Body]:
        partition = current()
        return self._of_previews.of(partition) if partition and not partition.travels else self._last_good

    def _recorded(self, included: Included, include: Include) -> Included:
        partition = current()
        self._outcome_log.record(included, include.visit.page.name, partition.name if partition else "")
        if partition is None:
            self._watch(included)
        return included

    async def _fill(self, include: Include, page_deadline: Deadline) -> Included:
        if include.release is None:
            return _not_published(include)
        declared = include.release.manifest.mullion
        deadline = page_deadline.within(self._clock(), declared.deadline_ms)
        if declared.kind == "function":
            return await self._fill_from_function(include, deadline)

        async def fetch() -> Fetched[Body] | Failure:
            return await self._fetch(include, deadline)

        return _included(
            include,
            await self._copies.get(include.key, fetch, stale_s_max=declared.stale_s_max, unshared=include.unshared),
        )

    async def _fill_from_function(self, include: Include, deadline: Deadline) -> Included:
        """Where the function may be cold, the page is sent without it, and the call goes on after the page."""
        call = self.functions.begin(include, deadline, self._upstreams.of(include.published).policy)
        included: Included | None = None
        try:
            ended = await self._copies.get(
                include.key,
                lambda: call.fetch(self._fetch),
                stale_s_max=include.published.manifest.mullion.stale_s_max,
                unshared=include.unshared,
                wait_s=call.wait_s,
            )
            included = _included(include, ended)
            return included
        finally:
            call.leave(included.reason if included is not None else None)

    def _late(self, include: Include, failure: Failure, ms: int) -> None:
        """A call failed after its page was sent without it: no page shows this outcome, but it is counted."""
        self._recorded(structs.replace(included_from_failure(include, failure), ms=ms), include)

    async def _fetch(self, include: Include, deadline: Deadline) -> Fetched[Body] | Failure:
        bodies: list[Body] = []

        def judge(response: Response) -> Failure | None:
            body = read_body(include, response)
            if isinstance(body, Failure):
                return body
            bodies.append(body)
            return None

        request = content_request(include, self._bearer)
        guard = self._upstreams.of(include.published)
        answer = await guard.call(
            request,
            deadline,
            judge=judge,
            resource=include.key,
            steady=include.key.player is not None,
            insists=include.unshared,
        )
        if isinstance(answer, Failure):
            return answer
        self._upstreams.mark_healthy(include)
        body = bodies[-1]
        # Only what is wholly good may stand in later, and only for the plain view: a receipt is shown once, and how far
        # one player's writes have come is nothing to others.
        plain = not include.receipt and (bool(include.key.player) or not include.visit.min_sequence)
        keep, late = body.degraded is None and plain, body.degraded in LATE
        return Fetched(body, len(body.html), answer.headers, keep=keep, late=late)


def _included(include: Include, ended: Outcome[Body] | Failure) -> Included:
    if isinstance(ended, Failure):
        return included_from_failure(include, ended)
    return included_from_outcome(include, ended)


def _not_published(include: Include) -> Included:
    detail = f"no release of {include.slot.fragment} is live"
    return included_from_failure(include, Failure(Reason.NOT_PUBLISHED, detail))
