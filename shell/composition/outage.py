"""The work of an outage is done once and not per visit: while an upstream's breaker is open, all visitors of a slot get
the same outcome.

Public: `Repeated`, `Outages`, `Markup`.

The outcome, its markup and how often it was shown hang on one object, which lives as long as the guard answers with the
same refusal.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from bff.resilience.outcome import Failure
from shell.composition.include import Include

if TYPE_CHECKING:
    from shell.composition.ladder import Included

# A flood of odd addresses empties the memory; it does not fill it.
PLACES_MAX = 1024


class Markup(msgspec.Struct, frozen=True):
    """A slot's element without the one number in which visits differ: `low` plus up to `span`, in milliseconds."""

    before: bytes
    after: bytes
    low: int
    span: int


@dataclass(slots=True)
class PendingLine:
    """Outcomes of one kind that were not logged yet: how many, and the newest. `open` until its line is written."""

    times: int = 0
    uncounted: int = 0  # of these, repeated ones that the metric lacks as well
    newest: "Included | None" = None
    open: bool = True


@dataclass(slots=True, eq=False)
class Repeated:
    """What is made once of an outcome that more than one visit is shown, as long as the guard's answer is `refusal`."""

    refusal: Failure
    markup: Markup | None = None  # of a visit that shows no receipt
    pending: PendingLine | None = None


class Outages:
    """The outcomes of slots whose guard refuses calls, for visitors who are not signed in; bounded."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, ...], Included] = {}

    def find(self, include: Include) -> "Included | None":
        """What was shown here last, from the same release."""
        included = self._places.get(_place(include))
        return included if included is not None and included.release is include.release else None

    def keep(self, include: Include, refusal: Failure, included: "Included") -> "Included":
        """`included` as every visitor of the place is shown it, until another refusal comes."""
        if len(self._places) >= PLACES_MAX:
            self._places.clear()
        repeated = msgspec.structs.replace(included, repeated=Repeated(refusal))
        self._places[_place(include)] = repeated
        return repeated


def _place(include: Include) -> tuple[str, ...]:
    """What decides which copy a visitor could be shown; a release has places of its own."""
    visit = include.visit
    return (
        visit.page.name,
        include.slot.name,
        include.query_string if include.slot.query else "",
        visit.locale,
        visit.currency,
        visit.device,
        *visit.params.values(),
    )
