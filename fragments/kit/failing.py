"""Names the upstream that fails behind this fragment.

Public: `Failing`, `STORE`.
"""

from msgspec import structs

from bff.contracts import codes
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason

STORE = "query-store"


class Failing:
    """Adds the failed upstream's name to failures. A refusal by an open breaker does not say what opened it, so the
    last failure of each upstream is remembered.
    """

    def __init__(self) -> None:
        self._causes: dict[str, str] = {}

    def named(self, upstream: str, failure: Failure) -> Failure:
        """`failure` of a call to `upstream`, with the name of what failed: that upstream, or one behind it."""
        if failure.code == codes.STORE_DOWN:
            self._causes[upstream] = STORE
            return structs.replace(failure, reason=Reason.STORE_DOWN, upstream=STORE)
        if failure.reason is not Reason.BREAKER_OPEN:
            self._causes.pop(upstream, None)
        return structs.replace(failure, upstream=self._causes.get(upstream, upstream))

    def answered(self, upstream: str) -> None:
        """`upstream` answered, so neither it nor anything behind it fails."""
        self._causes.pop(upstream, None)
