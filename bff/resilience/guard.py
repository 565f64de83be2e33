"""Guarded calls to one upstream: breaker, bulkhead, deadline, one retry and transport, in that order.

Public: `Guard`, and from `outcome`: `Failure`; from `message`: `Request`, `Response`; from `judgement`: `Judge`.
"""

import asyncio
import random
import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial

from bff.contracts.partition import Partition
from bff.resilience import log
from bff.resilience.adaptive_timeout import AdaptiveTimeout
from bff.resilience.breaker import Breaker, Permit, Position, Transition
from bff.resilience.budget import RetryBudget
from bff.resilience.bulkhead import Bulkhead, Place
from bff.resilience.callers import Callers
from bff.resilience.deadline import Deadline
from bff.resilience.evidence import Evidence, OwnLease, ProbeLease
from bff.resilience.flap_damping import FlapDamping
from bff.resilience.guarded_call import GuardedCall
from bff.resilience.in_time import in_time
from bff.resilience.judgement import Judge, judged, settle
from bff.resilience.message import CallFailed, Request, Response
from bff.resilience.metrics import Meter, Unmetered
from bff.resilience.outcome import Failure
from bff.resilience.partition import current
from bff.resilience.partition_guards import PartitionGuards
from bff.resilience.policies import policy_for
from bff.resilience.policy import Policy
from bff.resilience.probe import FixedProbe, Probe
from bff.resilience.prober import Prober
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import PROPERTIES, Party, party
from bff.resilience.resources import Resources, log_moved
from bff.resilience.transport import Sender, Transport

__all__ = ["Failure", "Guard", "Judge", "Request", "Response"]

_logger = log.get("guard")
# How long the same refusal object is returned: far less than the jitter on its retry time.
_REFUSAL_REUSED_S = 0.05


class Guard:
    """Calls to the upstream `name` under one policy. `call` never raises, `CancelledError` apart.
    Numbers that this installation has changed for `policy_name`, or else `name` (`policies.py`), go before `policy`'s.

    An answer with a status below 500 other than 429 comes back as it is, unless `judge` calls it a failure. What an
    answer says that can not be used counts against the resource that was requested, what the upstream does against all.
    `probe` is what asks, in the background, whether the upstream is well again; it must be safe to repeat and hold
    nobody's bearer. Without it the breaker lets a call through to find out. `evidence` and `lease` join this process to
    the others; both are optional. Everything is to be called on one event loop.

    Calls of a partition go through a guard of its own, with nothing in common but name, policy, judge and a given
    `transport`: it hears and says nothing in the fleet, stands in no metric, and is held when this one is.
    """

    def __init__(
        self,
        name: str,
        policy: Policy,
        transport: Sender | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        judge: Judge | None = None,
        probe: Probe | Request | None = None,
        evidence: Evidence | None = None,
        lease: ProbeLease | None = None,
        partition: Partition | None = None,
        policy_name: str = "",
    ) -> None:
        self.name, self._policy_name = name, policy_name or name
        self.policy = policy = policy_for(self._policy_name, policy)
        self.breaker = Breaker(name, policy, trials=probe is None, chance=chance, listener=self._moved)
        self.bulkhead = Bulkhead(policy.in_flight_max, policy.waiting_max)
        self._transport = transport or Transport(policy, clock=clock)
        self._partition = partition
        self._partitions = PartitionGuards(partial(self._make_apart, transport, chance))
        self._clock = clock
        self._judge = judge
        self._budget = RetryBudget(
            ratio=policy.retry_budget_ratio, window_s=policy.retry_budget_window_s, spare=policy.retry_budget_spare
        )
        self.pace = AdaptiveTimeout(policy)
        self.resources = Resources(name, policy, chance=chance, listener=log_moved)
        self.steadiness = FlapDamping(policy)
        self._settle = partial(settle, policy=policy, pace=self.pace, callers=Callers(policy))
        self._meter = Meter(name, self.bulkhead, self.resources) if partition is None else Unmetered()
        self.probe = FixedProbe(probe) if isinstance(probe, Request) else probe
        self._prober = self._prober_for(self.probe, lease or OwnLease()) if self.probe else None
        self._hold_note = ""
        self._last_refusal: Failure | None = None
        self._refusal_until = 0.0
        self._refusal_uses = 0
        self._running: set[asyncio.Task[Response | Failure]] = set()
        self._evidence = evidence
        self._closed = False
        self._unsubscribe = evidence.subscribe(name, self._peer_moved) if evidence else None

    async def call(
        self,
        request: Request,
        deadline: Deadline,
        *,
        judge: Judge | None = None,
        resource: Hashable = None,
        steady: bool = False,
        insists: bool = False,
    ) -> Response | Failure:
        """The answer to `request`, whole and in time, or why there is none. `judge` replaces the guard's own.

        `resource` is whose copy of what is requested, where method and URL do not tell. `steady`: it is read by one
        reader, to whom late and timely answers are not to take turns; `insists`: who is asked all the same, as they
        wait for what they have done.
        """
        if (own := self.own()) is not self:
            return await own.call(request, deadline, judge=judge, resource=resource, steady=steady, insists=insists)
        now = self._clock()
        call = GuardedCall(
            request,
            deadline.within(now, self.pace.limit_ms(now)),
            judge or self._judge,
            resource=resource or (request.method, request.url),
            retries=request.method == "GET",
        )
        ended = await (self._steadily(call, insists) if steady and call.request.safe else self._admit(call, None))
        self._meter.ended(ended)
        return ended

    async def _steadily(self, call: GuardedCall, insists: bool) -> Response | Failure:
        held = None if insists else self.steadiness.held(call.resource, self._clock())
        if held is not None and self.breaker.position is Position.CLOSED:
            return held
        ended = await self._admit(call, held)
        return self.steadiness.shown(call.resource, ended, self._clock(), insists=insists)

    def own(self) -> "Guard":
        """The guard of the partition that the running request belongs to: this one, where it belongs to none."""
        partition = current()
        return self if partition is None or self._partition is not None else self._partitions.of(partition)

    def refusal(self) -> Failure | None:
        """What `call` would answer without a request while the breaker refuses calls; else None.

        The same object for a moment, so that a frequent caller can keep what it made of it.
        """
        if (own := self.own()) is not self:
            return own.refusal()
        now = self._clock()
        if self.breaker.would_pass(now):
            return None
        refusal = self._last_refusal
        if refusal is None or now >= self._refusal_until:
            self._count_refusals()
            refusal = self._last_refusal = self._refused(now)
            self._refusal_until = now + _REFUSAL_REUSED_S
        self._refusal_uses += 1
        return refusal

    def _make_apart(self, transport: Sender | None, chance: Callable[[], float], partition: Partition) -> "Guard":
        own = Guard(
            self.name,
            self.policy,
            transport,
            clock=self._clock,
            chance=chance,
            judge=self._judge,
            probe=self.probe.fork() if self.probe else None,
            partition=partition,
            policy_name=self._policy_name,
        )
        own._closed = self._closed
        if self.breaker.held:
            own.force_open(self._hold_note)
        return own

    def _count_refusals(self) -> None:
        """Together, when other words are found or the breaker moves: one by one each cost as much as its answer."""
        if self._last_refusal is not None and self._refusal_uses:
            self._meter.ended(self._last_refusal, self._refusal_uses)
        self._refusal_uses = 0

    def force_open(self, why: str = "") -> None:
        """An operator holds the breaker open, and may say why: every call fails at once, until `unforce`."""
        self._count_refusals()
        self._hold_note, self._last_refusal = why, None
        self.breaker.force_open()
        self._partitions.force_open(why)

    def unforce(self) -> None:
        """The operator lets go: as the breaker was before; where it was open, a probe, due at once, decides."""
        self.breaker.unforce(self._clock())
        self._partitions.unforce()

    async def aclose(self) -> None:
        """Stop probing, wait for the calls that still run, close the connections.

        Each call ends by its deadline, or by the policy's `drain_ms_max` where that is given.
        Another guard may have the same name by then, so the outcomes of the last calls are not published.
        """
        self._closed = True
        self._count_refusals()
        if self._unsubscribe:
            self._unsubscribe()
        if self._prober:
            await self._prober.aclose()
        if self._running:
            await asyncio.wait(self._running, timeout=self.policy.drain_ms_max / 1000 or None)
        for work in [*self._running]:
            work.cancel()
        if self._running:
            await asyncio.wait([*self._running])
        await self._transport.aclose()
        await self._partitions.aclose()

    async def _admit(self, call: GuardedCall, held: Failure | None) -> Response | Failure:
        """The outcome of the call; a reader who gets `held` in any case causes at most a trial in the background."""
        now = self._clock()
        refused = self._refused(now) if not self.breaker.would_pass(now) else self.resources.refusal(call.resource, now)
        if refused is not None:
            return refused
        place = await self.bulkhead.enter(call.deadline.remaining_ms(now) * self.policy.waiting_ratio_max)
        if place is None:
            return Failure(Reason.BULKHEAD_FULL, f"{self.bulkhead.in_flight} calls in flight")
        now = self._clock()
        refused = self.resources.refusal(call.resource, now)
        permit = None if refused else self.breaker.acquire(now)
        if permit is None:
            place.leave()
            return refused or self._refused(now)
        self._budget.called(now)
        counted = self.resources.acquire(call.resource, now)
        work = self._detach(replace(call, began=now, resource_permit=counted), place, permit)
        return await in_time(work, call.deadline.remaining_ms(now)) if held is None else held

    def _refused(self, now: float) -> Failure:
        if self.breaker.held:
            return Failure(
                Reason.HELD, f"held by an operator: {self._hold_note}" if self._hold_note else "held by an operator"
            )
        closes_ms = self.breaker.closes_ms(now)
        return Failure(Reason.BREAKER_OPEN, "the upstream is failing", closes_ms, late=self.breaker.late)

    def _detach(self, call: GuardedCall, place: Place, permit: Permit) -> asyncio.Task[Response | Failure]:
        # A call that is on its way can not be aborted: it lives until its deadline. So it runs by itself, keeps its
        # place, and ends its permit with what it really met, also when the caller has gone.
        work = asyncio.create_task(self._work(call, place, permit))
        self._running.add(work)
        work.add_done_callback(self._running.discard)
        return work

    async def _work(self, call: GuardedCall, place: Place, permit: Permit) -> Response | Failure:
        ended: Response | Failure = Failure(Reason.INTERNAL, "the call was cancelled")
        try:
            ended, unanswered = await self._attempt(call, permit)
            again = self._second_permit(call) if call.retries and unanswered else None
            if again is not None:
                self._meter.retried()
                # On a connection that nobody used before: what ended the first may have ended all that are kept.
                ended, _ = await self._attempt(replace(call, request=replace(call.request, unpooled=True)), again)
            return ended
        finally:
            place.leave()
            if call.resource is not None:
                self.resources.settle(call.resource, call.resource_permit, ended, self._clock(), url=call.request.url)

    def _second_permit(self, call: GuardedCall) -> Permit | None:
        now = self._clock()
        left_s, all_s = call.deadline.expires_at - now, call.deadline.expires_at - call.began
        if left_s < all_s * self.policy.retry_remaining_ratio_min or not self.breaker.would_pass(now):
            return None
        return self.breaker.acquire(now) if self._budget.take(now) else None

    async def _attempt(self, call: GuardedCall, permit: Permit) -> tuple[Response | Failure, bool]:
        """How one attempt ended, and whether it failed without ever having been answered."""
        began = self._clock()
        given_ms = call.deadline.remaining_ms(began)
        ended: Response | Failure = Failure(Reason.INTERNAL, "the call was cancelled")
        unanswered = False
        try:
            answer = await self._transport.send(call.sent(given_ms, self._partition), call.deadline)
            ended = judged(answer, self.policy, call.judge)
        except CallFailed as failed:
            ended = Failure(failed.reason, failed.detail, late=PROPERTIES[failed.reason].late)
            unanswered = PROPERTIES[failed.reason].retried and not failed.answered
        except Exception as error:
            # A bug in a judge or a transport must affect this slot only.
            _logger.exception("call_raised", upstream=self.name)
            ended = Failure(Reason.INTERNAL, repr(error)[:200])
        finally:
            now = self._clock()
            took_ms = (now - began) * 1000
            self._meter.attempted(took_ms)
            was_slow = self.pace.slow(now)
            self._settle(permit, ended, caller=call.request.caller, now=now, given_ms=given_ms, took_ms=took_ms)
            if self.pace.slow(now) and not was_slow:
                _logger.warning(
                    "upstream_slow", upstream=self.name, ms=round(took_ms), limit_ms=self.policy.deadline_ms
                )
        return ended, unanswered

    def _prober_for(self, probe: Probe, lease: ProbeLease) -> Prober:
        async def send_probe(permit: Permit) -> None:
            began = self._clock()
            deadline = Deadline.after_ms(began, self.pace.limit_ms(began))
            try:
                place = await self.bulkhead.enter(self.policy.deadline_ms * self.policy.waiting_ratio_max)
            except asyncio.CancelledError:
                permit.release(self._clock())
                raise
            if place is None:
                permit.release(self._clock())
                return
            call = GuardedCall(probe.request(), deadline, self._judge, began=began)
            ended = await asyncio.shield(self._detach(call, place, permit))
            self._meter.probed(ended)
            if isinstance(ended, Failure) and party(ended.reason) is Party.ORIGIN:
                probe.failed()

        return Prober(self.breaker, lease, send_probe, self.policy, self._clock)

    def _moved(self, transition: Transition) -> None:
        self._count_refusals()
        self._last_refusal = None
        _logger.warning(
            "breaker_moved",
            upstream=self.name,
            before=transition.before.value,
            after=transition.after.value,
            cause=transition.cause,
            **({"partition": self._partition.name} if self._partition else {}),
        )
        if self._closed:
            return
        self._meter.moved(transition)
        if transition.after is Position.OPEN and self._prober:
            self._prober.start()
        # An operator's hold says nothing about the upstream, so it is not published as evidence.
        if self._evidence and Position.FORCED not in (transition.before, transition.after):
            self._evidence.publish(transition)

    def _peer_moved(self, transition: Transition) -> None:
        if transition.after is Position.OPEN:
            self.breaker.peer_opened(self._clock())
        elif transition.after is Position.CLOSED:
            self.breaker.peer_closed()
