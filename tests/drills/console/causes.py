"""Whether a fault on a hop can be the cause of a slot's change, by the catalogue's table of hops.

Public: `may_hit`.
"""

from tests.drills.console.history import PAGE
from tests.drills.runner.hop_effects import HOPS


def may_hit(hop: str, slot: str) -> bool:
    """A hop that is missing from the table may change anything. The page's own hop changes every slot, and only it
    makes the page as a whole fail."""
    effect = HOPS.get(hop)
    if effect is None or effect.page:
        return True
    return slot != PAGE and slot in effect.slots
