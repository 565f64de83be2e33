"""Chooses the request that probes a failing release.

Public: `ProbeTargets`.
"""

from collections import OrderedDict

from bff.resilience.message import Request
from shell.composition.include import Include
from shell.composition.page import Visit
from shell.composition.requests import probe_request

_HEALTHY_MAX = 4


class ProbeTargets:
    """A probe repeats the include that was healthy last, as an anonymous visitor would send it; when that fails, the
    one that was healthy before.

    One path of a fragment may be broken for good while its origin is well, so no single path decides. `default` is the
    probe as long as no include was healthy, and takes turns with those that were.
    """

    def __init__(self, default: Include) -> None:
        self._default = default
        self._healthy: OrderedDict[str, Include] = OrderedDict()
        self._turn = 0

    def mark_healthy(self, include: Include) -> None:
        """This include was answered well."""
        self._turn = 0
        if include.pathname not in self._healthy:
            self._healthy[include.pathname] = Include(include.slot, _anonymous(include.visit), include.release)
            if len(self._healthy) > _HEALTHY_MAX:
                self._healthy.popitem(last=False)
        self._healthy.move_to_end(include.pathname)

    def request(self) -> Request:
        """The include whose turn it is, as a request without a player."""
        targets = [*reversed(self._healthy.values()), self._default]
        return probe_request(targets[self._turn % len(targets)])

    def failed(self) -> None:
        """The probe failed: the next target is tried."""
        self._turn += 1

    def fork(self) -> "ProbeTargets":
        """A copy of the healthy targets up to here, for a partition with a record of its own."""
        fork = ProbeTargets(self._default)
        fork._healthy.update(self._healthy)
        return fork


def _anonymous(visit: Visit) -> Visit:
    """The same visit of the same page by an anonymous visitor."""
    return Visit(
        page=visit.page,
        params=visit.params,
        language=visit.language,
        locale=visit.locale,
        currency=visit.currency,
        origin=visit.origin,
        device=visit.device,
    )
