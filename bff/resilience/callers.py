"""Limits how much one caller's failures count against an upstream, where the caller chose the resource.

Public: `Callers`.

A caller that invents addresses can find one that fails and request it again and again, while the upstream is healthy
for all others. So each caller's failures count once per window. Pure: time is passed in.
"""

from collections import OrderedDict
from collections.abc import Hashable

from bff.resilience.policy import Policy


class Callers:
    """Those whose failure counted lately, bounded in number: one that is forgotten counts again."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        # When each counted; the oldest stands first.
        self._counted: OrderedDict[Hashable, float] = OrderedDict()

    def counts(self, caller: Hashable, now: float) -> bool:
        """Whether a failure of `caller` at `now` is to count."""
        counted_at = self._counted.get(caller)
        if counted_at is not None and now - counted_at < self._policy.window_s:
            return False
        self._counted[caller] = now
        self._counted.move_to_end(caller)
        if len(self._counted) > self._policy.callers_max:
            self._counted.popitem(last=False)
        return True
