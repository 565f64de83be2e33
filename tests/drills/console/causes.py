"""Whether a fault on a hop can be what changed a slot, by the table of hops that drills expect by.

Public: `may_hit`.
"""

from tests.drills.console.history import PAGE
from tests.drills.runner.hop_effects import HOPS


def may_hit(hop: str, slot: str) -> bool:
    """Of a hop that the table does not have nothing is excluded; the way to the page hits all that stands in it, and
    the page as a whole fails by nothing else."""
    effect = HOPS.get(hop)
    if effect is None or effect.page:
        return True
    return slot != PAGE and slot in effect.slots
