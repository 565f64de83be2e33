"""What asks in the background whether a release's upstream is well again.

Public: `Probing`.
"""

from collections import OrderedDict

from bff.resilience.message import Request
from shell.composition.page import Slot, Visit
from shell.composition.release import Release
from shell.composition.requests import probe_request

_HEALTHY_MAX = 4


class Probing:
    """Asks what was healthy last, as a visitor whom nobody knows; when that fails, what was healthy before it.

    One path of a fragment may be broken for good while its origin is well, so no single path decides. `slot` and
    `visit` are what is asked as long as nothing was healthy, and in turn with what was.
    """

    def __init__(self, release: Release, slot: Slot, visit: Visit) -> None:
        self._release = release
        self._always = (slot, visit)
        self._healthy: OrderedDict[str, tuple[Slot, Visit]] = OrderedDict()
        self._turn = 0

    def healthy(self, slot: Slot, visit: Visit) -> None:
        """What `slot` shows to `visit` is well."""
        self._turn = 0
        path = slot.path(visit.params)
        if path not in self._healthy:
            self._healthy[path] = (slot, _nobody(visit))
            if len(self._healthy) > _HEALTHY_MAX:
                self._healthy.popitem(last=False)
        self._healthy.move_to_end(path)

    def request(self) -> Request:
        """What an include of the place whose turn it is would ask, for nobody."""
        places = [*reversed(self._healthy.values()), self._always]
        slot, visit = places[self._turn % len(places)]
        return probe_request(self._release, slot, visit)

    def failed(self) -> None:
        """It is the next place's turn."""
        self._turn += 1


def _nobody(visit: Visit) -> Visit:
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
