"""Rehearses failures of a release's origin: what pages show under each fault, by the real include path over a failing
transport.

Public: `survive`, `Survival`, `HEALS_S_MAX`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from bff.resilience import log
from bff.resilience.cache_control import lifetime
from bff.resilience.deadline import Deadline
from bff.resilience.message import Response
from bff.resilience.outcome import State
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from shell.composition.include import Include
from shell.composition.includer import Includer
from shell.composition.ladder import Included
from shell.composition.page import PAGE_DEADLINE_MS, Visit
from shell.composition.upstreams import Upstreams
from shell.registry.fault_transport import FAULTS, Clock, Fault, FaultTransport

HEALS_S_MAX = 10.0
# Its own name in logs and metrics: none of this happened to the release that is live.
_REHEARSAL = "rehearsal"


@dataclass(frozen=True, slots=True)
class Survival:
    """One row: what a page shows under `fault`, and whether the slot is itself again once the fault has ended."""

    fault: Fault
    included: Included
    heals: bool

    @property
    def state(self) -> State:
        return self.included.state

    @property
    def reason(self) -> Reason | None:
        return self.included.reason

    @property
    def ms(self) -> int:
        """How long the slot was waited for."""
        return self.included.ms

    @property
    def survived(self) -> bool:
        """Whether the page shows something of the release's own, and the slot heals by itself."""
        return self.state is not State.PLACEHOLDER and self.heals


async def survive(include: Include, healthy: Response, faults: Sequence[Fault] = FAULTS) -> tuple[Survival, ...]:
    """A row for each of `faults`. `healthy` is what the origin answers to `include` while it is well.

    No request is sent, nothing is logged and no time passes: what is slow passes on a clock of its own.
    """
    with log.silenced():
        return tuple([await _row(include, healthy, fault) for fault in faults])


async def _row(include: Include, healthy: Response, fault: Fault) -> Survival:
    release = replace(include.published, fragment=f"{include.published.fragment}.{_REHEARSAL}")
    rehearsed = Include(replace(include.slot, fragment=release.fragment), include.visit, release)
    clock, transports = Clock(), list[FaultTransport]()

    def connect(policy: Policy) -> FaultTransport:
        transports.append(FaultTransport(healthy, policy, clock))
        return transports[-1]

    upstreams = Upstreams(connect=connect, clock=clock)
    includer = Includer(upstreams, _bearer, clock=clock)

    async def look() -> Included:
        return await includer.include(rehearsed, Deadline.after_ms(clock(), PAGE_DEADLINE_MS))

    def switch(to: Fault | None) -> None:
        for transport in transports:
            transport.fault = to

    try:
        upstreams.of(release)
        if fault.after_good:
            await look()
            clock.advance(_reused_s(rehearsed, healthy))
        switch(fault)
        met = await look()
        switch(None)
        clock.advance(HEALS_S_MAX)
        after = await look()
    finally:
        await includer.aclose()
        await upstreams.aclose()
    own = structs.replace(met, slot=include.slot, release=include.published)
    return Survival(fault, own, after.state in (State.FRESH, State.DEGRADED))


def _reused_s(include: Include, healthy: Response) -> float:
    """Until a shared copy is not simply used again."""
    found = lifetime(healthy.headers, stale_s_max=0, shared=include.audience == "shared")
    return found.fresh_s + found.revalidate_s


def _bearer(visit: Visit, audience: str, scopes: frozenset[str], life_s: int) -> str:
    return _REHEARSAL
