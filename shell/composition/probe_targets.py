"""What the probe of a release asks for while its upstream is failing.

Public: `ProbeTargets`.
"""

from collections import OrderedDict

from bff.resilience.message import Request
from shell.composition.include import Include
from shell.composition.page import Visit
from shell.composition.requests import probe_request

_HEALTHY_MAX = 4


class ProbeTargets:
    """What was healthy last is asked for, as an anonymous visitor would; when that fails, what was healthy before it.

    One path of a fragment may be broken for good while its origin is well, so no single path decides. `default` is
    asked for as long as nothing was healthy, and in turn with what was.
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
        """It is the next one's turn."""
        self._turn += 1

    def fork(self) -> "ProbeTargets":
        """What was healthy up to here, for a partition that goes on by itself."""
        fork = ProbeTargets(self._default)
        fork._healthy.update(self._healthy)
        return fork


def _anonymous(visit: Visit) -> Visit:
    """The same look at the same page by a visitor of whom nothing is known."""
    return Visit(
        page=visit.page,
        params=visit.params,
        language=visit.language,
        locale=visit.locale,
        currency=visit.currency,
        origin=visit.origin,
        device=visit.device,
    )
