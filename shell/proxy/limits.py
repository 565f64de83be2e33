"""How many exchanges one visitor, and all of them, may have open with fragments' APIs in this process.

Public: `VisitorLimits`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bff.resilience.bulkhead import Bulkhead
from shell.composition.proxy_policy import ProxyPolicy


class VisitorLimits:
    """A visitor is a player, or an address where nobody is signed in. A stream counts for as long as it is open."""

    def __init__(self, policy: ProxyPolicy) -> None:
        self._policy = policy
        self._visitors: dict[str, Bulkhead] = {}
        self._fragments: dict[str, int] = {}

    @asynccontextmanager
    async def entered(self, visitor: str, fragment: str) -> AsyncIterator[bool]:
        """Whether there is room, waited for a moment; it is given up at the end."""
        policy = self._policy
        bulkhead = self._visitors.setdefault(visitor, Bulkhead(policy.visitor_open_max, policy.visitor_waiting_max))
        place = await bulkhead.enter(policy.visitor_wait_ms)
        try:
            if place is None or self._fragments.get(fragment, 0) >= policy.open_max:
                yield False
                return
            self._fragments[fragment] = self._fragments.get(fragment, 0) + 1
            try:
                yield True
            finally:
                self._fragments[fragment] -= 1
        finally:
            if place is not None:
                place.leave()
            if not bulkhead.in_flight and not bulkhead.waiting:
                self._visitors.pop(visitor, None)
