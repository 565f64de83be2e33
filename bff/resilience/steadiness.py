"""What each reader was shown last, so that timely and late answers do not take turns before their eyes. Pure.

Public: `Steadiness`.

An answer that was late where the one before it was in time is a change that a reader sees. It stays: for `late_hold_ms`
the same reader is told the same without asking, so that what they see changes back no sooner than that. Others, who
have seen no late answer, are not concerned.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from bff.resilience.message import Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason


@dataclass(slots=True)
class _Seen:
    timely: bool
    at: float
    held_until: float = 0.0


class Steadiness:
    """What was seen last of each resource, the least recently asked for forgotten first. Time is passed in."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        # The one that was asked for last stands last.
        self._seen: OrderedDict[Hashable, _Seen] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def held(self, resource: Hashable, now: float) -> Failure | None:
        """What to say of `resource` without asking; None where it may be asked for."""
        seen = self._seen.get(resource)
        if seen is None or now >= seen.held_until:
            return None
        left_ms = max(1, round((seen.held_until - now) * 1000))
        return Failure(Reason.BREAKER_OPEN, "its answer was late a moment ago", left_ms, late=True)

    def shown(
        self, resource: Hashable, ended: Response | Failure, now: float, *, insists: bool = False
    ) -> Response | Failure:
        """What the reader of `resource` is shown of a call that ended so; it is what they have seen from now on.

        Another of their pages may have met a late answer meanwhile: then both show the same, unless this one insists.
        """
        held = None if insists else self.held(resource, now)
        if held is not None:
            return held
        if not isinstance(ended, Failure):
            self._note(resource, _Seen(timely=True, at=now))
        elif ended.late:
            self._note(resource, self._late(resource, now))
        return ended

    def _late(self, resource: Hashable, now: float) -> _Seen:
        before = self._seen.get(resource)
        if before is None or not before.timely:
            # Nothing was seen before it, or the same: no change, and a hold runs from the change.
            return _Seen(timely=False, at=now, held_until=before.held_until if before else 0.0)
        recent = now - before.at <= self._policy.late_memory_s
        return _Seen(timely=False, at=now, held_until=now + self._policy.late_hold_ms / 1000 if recent else 0.0)

    def _note(self, resource: Hashable, seen: _Seen) -> None:
        self._seen[resource] = seen
        self._seen.move_to_end(resource)
        if len(self._seen) > self._policy.late_readers_max:
            self._seen.popitem(last=False)
