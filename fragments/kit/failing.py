"""Who it is that fails behind this fragment, by name.

Public: `Failing`, `STORE`.
"""

from msgspec import structs

from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason

STORE = "query-store"
_STORE_DOWN = "store_down"  # the read side's own word (RFC 9457) that what fails is behind it


class Failing:
    """Names failures. A shut door says nothing of why it was shut, so what was met last is remembered by upstream."""

    def __init__(self) -> None:
        self._causes: dict[str, str] = {}

    def named(self, upstream: str, failure: Failure) -> Failure:
        """`failure` of a call to `upstream`, under the name of who failed: that one, or what it has behind it."""
        if failure.code == _STORE_DOWN:
            self._causes[upstream] = STORE
            return structs.replace(failure, reason=Reason.STORE_DOWN, upstream=STORE)
        if failure.reason is not Reason.BREAKER_OPEN:
            self._causes.pop(upstream, None)
        return structs.replace(failure, upstream=self._causes.get(upstream, upstream))

    def answered(self, upstream: str) -> None:
        """`upstream` is well, and so is what it has behind it."""
        self._causes.pop(upstream, None)
