"""Flap damping: keeps a reader's slot from switching back and forth between timely and late answers. Pure.

Public: `FlapDamping`.

A late answer after a timely one is a change that its reader sees, and the timely one after it is another. A single late
answer affects its own page only. If a second one comes within `late_hold_ms` of the return to timely answers, the
reader's calls fail for `late_hold_ms` without being sent, so that there are at most three changes in ten seconds, and
each lasts at least that long while late answers go on. Readers without a late answer are not affected.
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
    held_until: float = 0.0
    # When an answer was last in time after one that was late; None where that never was.
    returned_at: float | None = None


class FlapDamping:
    """The last outcome of each resource, least recently used evicted first. Time is passed in."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        # In order of use, the most recent last.
        self._seen: OrderedDict[Hashable, _Seen] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def held(self, resource: Hashable, now: float) -> Failure | None:
        """The failure to return for `resource` without a call; None where it may be called."""
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
            self._note(resource, self._after_answer_in_time(resource, now))
        elif ended.late:
            self._note(resource, self._late(resource, now))
        return ended

    def _after_answer_in_time(self, resource: Hashable, now: float) -> _Seen:
        before = self._seen.get(resource)
        if before is None:
            return _Seen(timely=True)
        return _Seen(timely=True, returned_at=before.returned_at if before.timely else now)

    def _late(self, resource: Hashable, now: float) -> _Seen:
        before = self._seen.get(resource)
        if before is None:
            return _Seen(timely=False)
        if not before.timely:
            # The same was seen before it: no change, and a hold runs from the change.
            return _Seen(timely=False, held_until=before.held_until, returned_at=before.returned_at)
        hold_s = self._policy.late_hold_ms / 1000
        recurs = before.returned_at is not None and now - before.returned_at <= hold_s
        held_until = now + hold_s if recurs else 0.0
        return _Seen(timely=False, held_until=held_until, returned_at=before.returned_at)

    def _note(self, resource: Hashable, seen: _Seen) -> None:
        self._seen[resource] = seen
        self._seen.move_to_end(resource)
        if len(self._seen) > self._policy.late_readers_max:
            self._seen.popitem(last=False)
