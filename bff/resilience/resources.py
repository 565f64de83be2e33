"""Which resources of an upstream say what can not be used, again and again: those are left alone for a while.

Public: `Resources`, `log_moved`.

The upstream is well and so are its other resources. Each that was refused lately has a breaker of its own under the
upstream's policy; who asks for it next is its trial, and one good answer closes it. Bounded in number, and forgotten
when nothing was refused for a while. Pure: time and chance are passed in.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from bff.resilience import log
from bff.resilience.breaker import Breaker, Permit, Position, Transition
from bff.resilience.message import Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import Party, party

_logger = log.get("guard")


@dataclass(slots=True)
class _RefusedResource:
    breaker: Breaker
    refused_at: float


class Resources:
    """The resources of one upstream whose answers were refused. `listener` hears of each that is shut or opened."""

    def __init__(
        self, upstream: str, policy: Policy, *, chance: Callable[[], float], listener: Callable[[Transition], None]
    ) -> None:
        self._upstream = upstream
        self._policy = replace(policy, closing_successes_few=1)
        self._chance = chance
        self._listener = listener
        # The one that was refused last stands last.
        self._refused: OrderedDict[Hashable, _RefusedResource] = OrderedDict()

    def __len__(self) -> int:
        return len(self._refused)

    @property
    def shut(self) -> int:
        """How many are left alone."""
        return sum(each.breaker.position is not Position.CLOSED for each in self._refused.values())

    def refusal(self, resource: Hashable, now: float) -> Failure | None:
        """Why `resource` is not requested at `now`; None where it may be."""
        found = self._refused.get(resource)
        if found is None or found.breaker.would_pass(now):
            return None
        return Failure(
            Reason.BREAKER_OPEN, "what it says here was refused again and again", found.breaker.closes_ms(now)
        )

    def acquire(self, resource: Hashable, now: float) -> Permit | None:
        """What an attempt is to end with; None where nothing is held against `resource`, or it is to be left alone."""
        found = self._refused.get(resource)
        return None if found is None else found.breaker.acquire(now)

    def settle(
        self, resource: Hashable, permit: Permit | None, ended: Response | Failure, now: float, *, url: str
    ) -> None:
        """End `permit` as a call to `url` deserves that ended so; begin to count where there was nothing to count."""
        party_blamed = Party.NOBODY if isinstance(ended, Response) else party(ended.reason)
        if isinstance(ended, Failure) and party_blamed is Party.RESOURCE:
            counted = self._note(resource, now, url)
            if permit is None:
                permit = counted.acquire(now)
            if permit is not None:
                permit.failure(now, cause=ended.reason)
        elif permit is None:
            return
        elif party_blamed is Party.NOBODY:
            permit.success(now)
        else:
            permit.release(now)

    def _note(self, resource: Hashable, now: float, url: str) -> Breaker:
        found = self._refused.get(resource)
        if found is None:
            # A resource may be a player's, and its name ends in logs: the path alone is for them.
            name = self._upstream + urlsplit(url).path
            breaker = Breaker(name, self._policy, trials=True, chance=self._chance, listener=self._listener)
            found = self._refused[resource] = _RefusedResource(breaker, now)
        found.refused_at = now
        self._refused.move_to_end(resource)
        self._forget(now)
        return found.breaker

    def _forget(self, now: float) -> None:
        # The oldest stand first; the one just noted stands last, and stays. One that is forgotten while it is shut is
        # asked for again: no more than that.
        oldest, policy = next(iter(self._refused)), self._policy
        while now - self._refused[oldest].refused_at > policy.resource_s_max or len(self) > policy.resources_max:
            del self._refused[oldest]
            oldest = next(iter(self._refused))


def log_moved(transition: Transition) -> None:
    """A listener for `Resources`. Trials come and go: a line is worth that one is left alone, or not any more."""
    if Position.HALF_OPEN not in (transition.after, transition.before) or transition.after is Position.CLOSED:
        _logger.warning(
            "resource_moved", resource=transition.upstream, after=transition.after.value, cause=transition.cause
        )
